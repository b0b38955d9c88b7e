import Adapters
import Models
import Tensors
import Texts

/// What an extraction takes at most, told before it begins.
package struct ExtractMemory {
    package let parts: [(name: String, bytes: Int)]
    package var total: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// - Parameters:
    ///   - weights: of the model, and how they and keys and values are held.
    /// - Throws: `CheckpointError` for weights that cannot be planned.
    package init(
        settings: ExtractSettings, weights: ModelWeights, format: WeightFormat, kv: KVFormat, chunks: TokenChunks, threads: Int
    ) throws {
        let isFrozen = ActivationSource.isFrozen(weights.config, format, kv: kv)
        let bytes =
            isFrozen
            ? FrozenDecoder.byteCount(
                config: weights.config, precision: .f32, storedAsBF16: try weights.storedAsBF16, layerCount: settings.layerCount)
            : try weights.plan(format).byteCount
        self.init(
            settings: settings, config: weights.config, weights: bytes, kv: isFrozen ? nil : kv, chunks: chunks, threads: threads)
    }

    /// - Parameters:
    ///   - weights: bytes of the model's weights.
    ///   - kv: of a model as it is served; nil for a frozen decoder.
    package init(settings: ExtractSettings, config: ModelConfig, weights: Int, kv: KVFormat?, chunks: TokenChunks, threads: Int) {
        let (trainer, width, tokens) = (settings.trainer, config.hiddenSize, settings.batch * chunks.length)
        let tensors = SparseCoderTensors.byteCount(latents: trainer.latents, width: width)
        // Parameters, the optimiser's state, and of a schedule-free average one set while it is written.
        let sets = settings.hookpoints.count * (trainer.optimiser == .adam ? 3 : 2) + (trainer.optimiser == .adam ? 0 : 1)
        let passes =
            kv.map { ServedActivations.byteCount(config: config, kv: $0, length: chunks.length, batch: settings.batch) }
            ?? FrozenActivations.byteCount(config: config, length: chunks.length, threads: threads)
        parts = [
            ("weights", weights),
            ("text", chunks.tokenCount * 5),
            ("passes", passes),
            ("activations", settings.hookpoints.count * tokens * width * 4),
            ("SAEs with optimiser", sets * tensors + settings.hookpoints.count * trainer.latents * 8),
            (
                "a step",
                SparseCoderStep.byteCount(
                    latents: trainer.latents, width: width, k: trainer.k, multiTopK: trainer.multiTopK, auxK: trainer.auxKAlpha > 0,
                    maxTokens: tokens, threads: threads)
            ),
            ("program", 64 << 20),
        ]
    }
}
