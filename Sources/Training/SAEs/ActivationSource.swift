import Adapters
import JSONText
import Models
import Tensors

/// Which model an extraction reads, and on whose products.
package enum ActivationSource {
    /// As it is served.
    case served(any LanguageModel, kv: KVFormat)
    /// In f32 on the products of training, which many rows share: faster than f32 is served, and of the same accuracy.
    case frozen(FrozenDecoder)

    /// Whether weights and everything else are f32: then the products of training are faster than those that serve, where training knows the
    /// model's blocks.
    package static func prefersFrozen(_ weights: WeightFormat, kv: KVFormat) -> Bool { weights == .f32 && kv == .f32 }

    /// Whether a model is read on the products of training.
    package static func isFrozen(_ config: ModelConfig, _ weights: WeightFormat, kv: KVFormat) -> Bool {
        prefersFrozen(weights, kv: kv) && config.untrainedPart == nil
    }

    package var config: ModelConfig {
        switch self {
        case .served(let model, _): model.config
        case .frozen(let decoder): decoder.config
        }
    }

    /// By name, for telling whether a checkpoint belongs to the same run.
    var facts: JSONObject {
        switch self {
        case .served(let model, let kv): ["weights": .string(model.format.rawValue), "kv": .string(kv.rawValue)]
        case .frozen(let decoder): ["weights": .string(decoder.precision.rawValue), "kv": .null]
        }
    }

    /// - Parameters:
    ///   - length: tokens of every chunk.
    ///   - batch: chunks that are read at a time.
    func reader(_ hookpoints: [HookPoint], length: Int, batch: Int, pool: WorkerPool) -> any ActivationReader {
        switch self {
        case .served(let model, let kv):
            ServedActivations(model: model, kv: kv, hookpoints: hookpoints, length: length, batch: batch, pool: pool)
        case .frozen(let decoder): FrozenActivations(decoder: decoder, hookpoints: hookpoints, length: length, pool: pool)
        }
    }
}

/// Reads a model's activations at several hookpoints in one pass, and no higher than the last of them. Owned by one thread.
protocol ActivationReader: AnyObject {
    /// Writes the activations of the wanted tokens, in order, to `targets`, one `[tokens, hidden]` for each hookpoint.
    /// - Parameter wanted: whether a token of a chunk counts.
    /// - Returns: how many tokens were wanted.
    func read(
        _ chunks: [[Int32]], into targets: [UnsafeMutablePointer<Float>], wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int
}
