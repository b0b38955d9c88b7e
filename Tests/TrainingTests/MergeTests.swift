import Adapters
import Checkpoints
import Foundation
import RandomModels
import Tensors
import Testing

@testable import Training

/// `W + scale B A`, tensor by tensor, in one file and in shards.
@Suite struct MergeTests {
    @Test(arguments: [1 << 40, 40_000], [false, true])
    func foldsALoRA(shardBytes: Int, dora: Bool) throws {
        var random = try RandomCheckpoint(seed: 9)
        defer { random.remove() }
        let model = try random.model()
        try random.lora("lora", rank: 3, modules: ["q_proj", "down_proj"], from: dora ? 0 : 1, dora: dora)
        try Data("keep".utf8).write(to: model.appendingPathComponent("tokenizer.json"))
        let adapter = random.folder.appendingPathComponent("adapters/lora")
        let output = random.folder.appendingPathComponent("merged")
        let merged = try MergedCheckpoint(model: model.path, adapter: adapter.path, strength: 0.5, pool: WorkerPool(threads: 2))
        #expect(try merged.write(to: try OutputFolder(output.path), shardBytes: shardBytes) == (dora ? 6 : 4))

        let before = try SafetensorsFile(path: model.appendingPathComponent("model.safetensors").path)
        let after = try HuggingFaceFolder(url: output)
        #expect(
            FileManager.default.fileExists(atPath: output.appendingPathComponent("model.safetensors.index.json").path)
                == (shardBytes == 40_000))
        let lora = try SafetensorsFile(path: adapter.appendingPathComponent("adapter_model.safetensors").path)
        #expect(after.tensors.tensorNames == before.tensorNames)
        for name in before.tensorNames {
            var wanted = try before.floats(name)
            let prefix = "base_model.model." + name.dropLast(".weight".count)
            if name.hasSuffix("_proj.weight"), let info = lora.info(prefix + ".lora_A.weight"), dora || !name.contains("layers.0.") {
                let (a, b) = (try lora.floats(prefix + ".lora_A.weight"), try lora.floats(prefix + ".lora_B.weight"))
                let (rank, width) = (info.shape[0], info.shape[1])
                let magnitudes = dora ? try lora.floats(prefix + ".lora_magnitude_vector") : nil
                for start in stride(from: 0, to: wanted.count, by: width) {
                    // alpha / r is 2.
                    var row = (0..<width).map { column in
                        wanted[start + column] + (0..<rank).reduce(0) { $0 + 2 * b[start / width * rank + $1] * a[$1 * width + column] }
                    }
                    if let magnitudes {
                        let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
                        for column in 0..<width { row[column] *= magnitudes[start / width] / norm }
                    }
                    for column in 0..<width { wanted[start + column] += 0.5 * (row[column] - wanted[start + column]) }
                }
                let error = zip(wanted, try after.tensors.floats(name)).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                #expect(error < 1e-5, "\(name)")
                #expect(wanted != (try before.floats(name)))
            } else {
                #expect(try after.tensors.floats(name) == wanted, "\(name)")
            }
        }
        #expect(try Data(contentsOf: output.appendingPathComponent("tokenizer.json")) == Data("keep".utf8))
        #expect(throws: TrainingError.self) { try merged.write(to: try OutputFolder(output.path)) }
    }
}
