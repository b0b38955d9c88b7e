import Adapters
import Checkpoints
import Foundation
import JSONText
import Models
import Tensors

/// Folds a LoRA into a checkpoint of Hugging Face's layout: `W + scale * B A`, computed in f32 and rounded once to the type W is stored in.
package struct MergedCheckpoint {
    private let base: HuggingFaceFolder
    private let config: ModelConfig
    private let lora: LoRAAdapter
    private let strength: Float
    private let pool: WorkerPool

    /// - Parameters:
    ///   - adapter: a PEFT folder.
    ///   - strength: what the adapter's own scale is multiplied with.
    /// - Throws: `CheckpointError`, `AdapterError` for files that are malformed or do not fit.
    package init(model: String, adapter: String, strength: Float, pool: WorkerPool) throws {
        base = try HuggingFaceFolder(url: URL(fileURLWithPath: model, isDirectory: true))
        config = try ModelConfig.read(.huggingFace(base))
        let url = URL(fileURLWithPath: adapter)
        lora = try LoRAAdapter.load(
            folder: url, name: url.lastPathComponent, digest: "", shape: config.shape, format: .f32,
            base: try WeightReader(checkpoint: .huggingFace(base), config: config), pool: pool)
        self.strength = strength
        self.pool = pool
    }

    /// Writes weights, in shards of at most `shardBytes` when they are more, and copies everything else; the configuration last.
    /// - Returns: how many matrices were changed.
    @discardableResult
    package func write(to folder: OutputFolder, shardBytes: Int = 5_000_000_000, progress: (Double) -> Void = { _ in }) throws -> Int {
        guard !folder.holds("config.json") else {
            throw TrainingError.badSetting(name: "--out", problem: "(\(folder.path)) holds a model already; choose another folder")
        }
        let tensors = base.tensors
        let names = tensors.tensorNames
        var shards: [[String]] = [[]]
        var size = 0
        for name in names {
            let bytes = tensors.info(name)?.byteRange.count ?? 0
            if size + bytes > shardBytes, !(shards.last?.isEmpty ?? true) {
                shards.append([])
                size = 0
            }
            shards[shards.count - 1].append(name)
            size += bytes
        }
        func file(_ shard: Int) -> String {
            shards.count == 1 ? "model.safetensors" : String(format: "model-%05d-of-%05d.safetensors", shard + 1, shards.count)
        }
        var (changed, done) = (0, 0)
        for (index, shard) in shards.enumerated() {
            let entries = shard.compactMap { name in
                tensors.info(name).map { TensorFileWriter.Entry(name: name, type: $0.type, shape: $0.shape) }
            }
            let writer = try TensorFileWriter(path: folder.file(file(index)), entries: entries, metadata: [("format", "pt")])
            for name in shard {
                changed += try write(name, to: writer) ? 1 : 0
                done += 1
                progress(Double(done) / Double(names.count))
            }
            try writer.commit()
        }
        if shards.count > 1 {
            let map = shards.enumerated().flatMap { index, shard in shard.map { (key: $0, value: JSON.string(file(index))) } }
            let total = names.reduce(0) { $0 + (tensors.info($1)?.byteRange.count ?? 0) }
            let index: JSON = ["metadata": ["total_size": .int(total)], "weight_map": .object(JSONObject(map))]
            try folder.write("model.safetensors.index.json", JSONWriter.bytes(index))
        }
        try copyTheRest(to: folder)
        return changed
    }

    /// Whether the tensor was changed.
    private func write(_ name: String, to writer: TensorFileWriter) throws -> Bool {
        let tensors = base.tensors
        guard let info = tensors.info(name) else { return false }
        let folds = LoRAFold.folds(
            of: lora, strength: strength, in: name, rows: info.rows, columns: info.rowLength, config: config, inGGUF: false)
        guard !folds.isEmpty else {
            try tensors.copy(name) { try writer.write($0) }
            return false
        }
        try folds.write(rows: info.rows, columns: info.rowLength, type: info.type, pool: pool) { rows, values in
            try tensors.expand(name, rows: rows, into: values)
        } write: {
            try writer.write($0)
        }
        return true
    }

    /// Tokenizer, template and configuration; nothing that holds weights.
    private func copyTheRest(to folder: OutputFolder) throws {
        let weights = [
            ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx",
        ]
        let names = try FileManager.default.contentsOfDirectory(atPath: base.url.path).sorted()
        for name in names.filter({ $0 != "config.json" }) + ["config.json"] where !name.hasPrefix(".") {
            let path = base.url.appendingPathComponent(name).path
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
                !weights.contains(where: name.hasSuffix)
            else { continue }
            guard let data = FileManager.default.contents(atPath: path) else {
                throw TrainingError.disk(path: path, doing: "reading it", reason: systemErrorText())
            }
            try folder.write(name, Array(data))
        }
    }
}
