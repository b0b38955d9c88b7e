import Adapters
import Foundation
import Tensors

extension FineTuner {
    /// Makes the LoRA that the settings describe.
    /// - Parameters:
    ///   - start: the adapter's folder that it starts from; nil for B = 0.
    /// - Throws: what `LoRAParameters.read` throws for an adapter that does not fit.
    package convenience init(
        decoder: FrozenDecoder, settings: TuneSettings, start: String?, splice: (hookpoint: HookPoint, sae: SAESplice)?, length: Int,
        traceBytes: Int, cacheBytes: Int, pool: WorkerPool
    ) throws {
        let lora = LoRAParameters(
            shape: decoder.config.shape, rank: settings.rank, alpha: settings.alpha, modules: settings.modules, seed: settings.seed)
        if let start { try lora.read(folder: URL(fileURLWithPath: start)) }
        self.init(
            decoder: decoder, lora: lora, splice: splice, objective: settings.objective, length: length,
            dropout: Float(settings.dropout), traceBytes: traceBytes, cacheBytes: cacheBytes, pool: pool)
    }
}
