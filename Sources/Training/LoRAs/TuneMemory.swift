import Adapters
import Models
import Tensors
import Texts

/// What a tuning run can take at most, part by part, computed before anything large is allocated.
package struct TuneMemory {
    package let parts: [(name: String, bytes: Int)]
    package var total: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// - Parameters:
    ///   - sae: that is put into the model, how its rows are held, and where gradients go there.
    ///   - cacheBytes: for states of frozen layers, of which there are some below an SAE that cuts gradients alone.
    /// - Throws: `CheckpointError` for weights that cannot be read.
    package init(
        weights: ModelWeights, precision: TrainingPrecision, sae: (any SAELayout)?, saeFormat: FloatFormat, gradient: SAEGradient,
        settings: TuneSettings, chunks: TokenChunks, traceBytes: Int, cacheBytes: Int
    ) throws {
        var lowest = 0
        if gradient == .cut, case .residual(let layer)? = sae?.hookpoint { lowest = layer + 1 }
        self.init(
            config: weights.config, precision: precision, storedAsBF16: try weights.storedAsBF16, latents: sae?.latents ?? 0,
            saeFormat: saeFormat, settings: settings, length: chunks.length, lowestLayer: lowest, traceBytes: traceBytes,
            cacheBytes: min(cacheBytes, lowest > 0 ? chunks.tokenCount * weights.config.hiddenSize * 8 : 0))
    }

    /// - Parameters:
    ///   - storedAsBF16: whether the checkpoint's matrices are bf16.
    ///   - latents: of the SAE; 0 without one.
    ///   - lowestLayer: the lowest that gradients reach; a lower number is safe.
    package init(
        config: ModelConfig, precision: TrainingPrecision, storedAsBF16: Bool, latents: Int, saeFormat: FloatFormat, settings: TuneSettings,
        length: Int, lowestLayer: Int, traceBytes: Int, cacheBytes: Int
    ) {
        let (shape, hidden) = (config.shape, config.hiddenSize)
        let weights = FrozenDecoder.byteCount(config: config, precision: precision, storedAsBF16: storedAsBF16)
        // A matrix is read whole in f32 before it is packed.
        let loading = precision == .bf16 ? 4 * config.vocabSize * hidden : 0
        let plan = TracePlan(config: config, rows: length, rank: settings.rank, lowestLayer: lowestLayer, traceBytes: traceBytes)
        let trace = LayerTrace.byteCount(config: config, rows: length, rank: settings.rank)
        let activations = (plan.kept + 1) * trace + (config.layers - lowestLayer - plan.kept) * length * hidden * 4
        let loss = TrainingLoss.byteCount(vocabulary: config.vocabSize, hidden: hidden)
        // Gradients inside one layer, copies with dropout, bf16 copies of what is multiplied. The workspace may leave half of a piece unused.
        let layer = 4 * length * (5 * config.ffnSize + 9 * hidden + 4 * shape.queryWidth)
        let parameters = settings.modules.reduce(0) { $0 + config.layers * settings.rank * (shape.inputs($1) + shape.outputs($1)) }
        let saeElement = saeFormat == .f32 ? 4 : 3
        parts = [
            ("weights", max(weights, loading)), ("SAE", 2 * saeElement * latents * hidden + (latents > 0 ? 64 * latents * 4 : 0)),
            ("LoRA, gradients and moments", parameters * 4 * LoRAParameters.copies), ("activations", activations),
            ("work", 2 * (loss + layer)), ("states kept between epochs", cacheBytes), ("program", 64 << 20),
        ]
    }
}
