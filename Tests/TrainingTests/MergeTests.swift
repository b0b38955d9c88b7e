import Adapters
import Checkpoints
import Foundation
import RandomModels
import Tensors
import Testing

@testable import Training

/// `W + scale B A`, tensor by tensor, in one file and in shards.
@Suite struct MergeTests {
    @Test(arguments: [1 << 40, 40_000])
    func foldsALoRA(shardBytes: Int) throws {
        var random = try RandomCheckpoint(seed: 9)
        defer { random.remove() }
        let model = try random.model()
        try random.lora("lora", rank: 3, modules: ["q_proj", "down_proj"], from: 1)
        try Data("keep".utf8).write(to: model.appendingPathComponent("tokenizer.json"))
        let adapter = random.folder.appendingPathComponent("adapters/lora")
        let output = random.folder.appendingPathComponent("merged")
        let merged = try MergedCheckpoint(model: model.path, adapter: adapter.path, strength: 0.5, pool: WorkerPool(threads: 2))
        #expect(try merged.write(to: try OutputFolder(output.path), shardBytes: shardBytes) == 4)

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
            if name.hasSuffix("_proj.weight"), let info = lora.info(prefix + ".lora_A.weight"), !name.contains("layers.0.") {
                let (a, b) = (try lora.floats(prefix + ".lora_A.weight"), try lora.floats(prefix + ".lora_B.weight"))
                let (rank, width) = (info.shape[0], info.shape[1])
                for index in wanted.indices {
                    // alpha / r is 2.
                    for k in 0..<rank { wanted[index] += 0.5 * 2 * b[index / width * rank + k] * a[k * width + index % width] }
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
