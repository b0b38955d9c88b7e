import Adapters
import Models
import Tensors

/// Activations of a model as it is served: in any format of weights, several chunks a pass.
final class ServedActivations: ActivationReader {
    private let reader: TextReader
    private let hookpoints: [HookPoint]
    private let chunksPerPass: Int

    private static let rowsPerPass = 2048

    /// Bytes of keys and values, and roughly of what a pass needs beside them.
    static func byteCount(config: ModelConfig, kv: KVFormat, length: Int, batch: Int) -> Int {
        let passes = min(max(rowsPerPass / length, 1), batch)
        let rows = passes * length
        let widest = 3 * config.hiddenSize + 3 * config.ffnSize + 2 * (config.heads + 2 * config.kvHeads) * config.headDim
        return rows * config.kvBytesPerToken(kv) + 2 * 4 * rows * widest
    }

    init(model: any LanguageModel, kv: KVFormat, hookpoints: [HookPoint], length: Int, batch: Int, pool: WorkerPool) {
        self.hookpoints = hookpoints
        chunksPerPass = min(max(Self.rowsPerPass / length, 1), batch)
        reader = TextReader(model, kv: kv, texts: chunksPerPass, positions: length, pool: pool)
    }

    func read(
        _ chunks: [[Int32]], into targets: [UnsafeMutablePointer<Float>], wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int {
        var written = 0
        for start in stride(from: 0, to: chunks.count, by: chunksPerPass) {
            let part = chunks[start..<min(start + chunksPerPass, chunks.count)]
            written += reader.copyActivations(of: part, at: hookpoints, into: targets, after: written, wanted: wanted)
        }
        return written
    }
}
