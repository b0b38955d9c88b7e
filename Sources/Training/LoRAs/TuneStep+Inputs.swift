import Adapters
import Checkpoints
import JSONText
import Texts

extension TuneStep {
    /// What goes into a run, so that a checkpoint of another one is told apart.
    /// - Parameters:
    ///   - shuffle: seed of a control's shuffled SAE.
    ///   - start: the adapter's folder that training starts from.
    package static func inputs(
        _ decoder: FrozenDecoder, _ chunks: TokenChunks, _ splice: (hookpoint: HookPoint, sae: SAESplice)?, gradient: SAEGradient,
        shuffle: UInt64?, start: String?
    ) -> JSONObject {
        [
            "model": .string(decoder.digest), "precision": .string(decoder.precision.rawValue),
            "data": .string(chunks.withBytes { ContentDigest(bytes: $0).description }),
            "hookpoint": .optional(splice?.hookpoint.description), "sae": .optional(splice?.sae.digest),
            "sae_gradient": .string(gradient.rawValue), "sae_shuffle": shuffle.map { JSON.string(String($0)) } ?? .null,
            "start": .optional(start),
        ]
    }
}
