import Engine
import Models
import Tensors

extension Workbench {
    /// For `batch` sequences of `context` tokens at once.
    /// - Parameter kvTokens: tokens of all sequences in the KV cache; nil for what they can need, at most half of the memory that is free.
    package func engineSettings(context: Int, batch: Int, kvTokens: Int?) -> EngineSettings {
        let affordable = MachineProbe.memoryAvailable / 2 / bundle.config.kvBytesPerToken(settings.kvFormat)
        var limits = EngineSettings(contextLength: context, kvTokens: kvTokens ?? max(context, min(batch * context, affordable)))
        limits.maxBatch = batch
        limits.kvFormat = settings.kvFormat
        return limits
    }

    package func engine(_ limits: EngineSettings) throws -> Engine {
        Engine(model: try model(), tokenizer: bundle.tokenizer, settings: limits, pool: pool)
    }
}
