import Adapters
import Checkpoints
import Foundation
import Models
import RandomModels
import Tensors
import TestRandomness
import TestSupport
import Testing

/// An architecture that is one file and known to no list, whose tensors lie in every way that a table can say: it computes what the model
/// does whose weights it has, bit for bit.
@Suite struct ToyArchitectureTests {
    private let pool = WorkerPool(threads: 2)
    private static let tokens: [Int32] = [3, 17, 200, 41, 0, 255, 9, 9, 128, 77]

    private func open(_ path: URL) throws -> (config: ModelConfig, weights: WeightReader) {
        let checkpoint = try Checkpoint.open(path: path.path)
        let config = try ModelConfig.read(checkpoint, among: [.toy, .qwen2])
        return (config, try WeightReader(checkpoint: checkpoint, config: config))
    }

    private func logits(_ path: URL, _ format: WeightFormat, lora: URL? = nil) throws -> [Float] {
        let (config, weights) = try open(path)
        let model = try Decoder.load(config: config, weights: weights, format: format, pool: pool) { _ in }
        let adapters = try lora.map {
            AdapterSet([
                .lora(
                    try LoRAAdapter.load(
                        folder: $0, name: "lora", digest: "lora", shape: config.shape, format: .f32, base: weights, pool: pool),
                    scale: 1)
            ])
        }
        let cache = KVCache(layout: config.kvLayout(KVFormat(for: format)), layers: config.layers, blockCount: 1)
        let (plan, workspace) = (BatchPlan(), Workspace())
        let table: [Int32] = [0]
        return table.withUnsafeBufferPointer { table in
            for (position, token) in Self.tokens.enumerated() {
                plan.append(
                    token: token, position: position, promptLength: Self.tokens.count, blockTable: table.baseAddress!,
                    adapters: adapters ?? .none, wantsOutput: true)
            }
            let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
            let logits = model.logits(hidden, pool: pool, workspace: workspace)
            return (0..<logits.rows).flatMap { Array(UnsafeBufferPointer(start: logits.row($0), count: logits.columns)) }
        }
    }

    @Test(arguments: WeightFormat.allCases, ["", "transformer."]) func aFolderComputesTheSame(_ format: WeightFormat, omits: String) throws
    {
        var random = try RandomCheckpoint(seed: 21)
        defer { random.remove() }
        let (model, toy) = (try random.model(), random.folder.appendingPathComponent("toy"))
        try ToyCheckpoint(model: model).write(to: toy, omits: omits)
        let (got, wanted) = (try logits(toy, format), try logits(model, format))
        #expect(got == wanted && Set(wanted).count > 1000)
    }

    @Test(arguments: WeightFormat.allCases) func aGGUFFileComputesTheSame(_ format: WeightFormat) throws {
        var random = try RandomCheckpoint(seed: 22)
        defer { random.remove() }
        let model = try random.model()
        let toy = try ToyCheckpoint(model: model)
        var file = GGUFBytes()
        file.add("general.architecture", "plaything")
        let numbers: [(String, Int)] = [
            ("embedding_length", toy.config.hiddenSize), ("block_count", toy.config.layers), ("attention.head_count", toy.config.heads),
            ("attention.head_count_kv", toy.config.kvHeads), ("feed_forward_length", toy.config.ffnSize),
            ("context_length", toy.config.contextLength),
        ]
        for (key, value) in numbers { file.add("plaything.\(key)", UInt32(value)) }
        file.add("plaything.epsilon", Float(1e-6))
        for tensor in try toy.tensors(inGGUF: true) {
            file.addFloats(tensor.name, tensor.shape.reversed().map { UInt64($0) }, tensor.values)
        }
        let path = random.folder.appendingPathComponent("toy.gguf")
        try Data(file.bytes).write(to: path)
        #expect(try logits(path, format) == logits(model, format))
    }

    /// LoRAs are found by the names of the table. One on a tensor that several projections share changes each of them.
    @Test(arguments: [false, true]) func lorasHaveItsNames(dora: Bool) throws {
        var random = try RandomCheckpoint(seed: 23)
        defer { random.remove() }
        let (model, toy) = (try random.model(), random.folder.appendingPathComponent("toy"))
        try ToyCheckpoint(model: model).write(to: toy)
        try random.lora("lora", rank: 3, modules: ["o_proj", "down_proj"], dora: dora)
        let lora = random.folder.appendingPathComponent("adapters/lora")
        let renamed = random.folder.appendingPathComponent("adapters/renamed")
        func rename(_ names: [(String, String)], targets: String) throws {
            try? FileManager.default.removeItem(at: renamed)
            try FileManager.default.createDirectory(at: renamed, withIntermediateDirectories: true)
            let file = try SafetensorsFile(path: lora.appendingPathComponent("adapter_model.safetensors").path)
            try RandomCheckpoint.writeSafetensors(
                try file.tensorNames.map { name in
                    let new = names.reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
                    return (new, file.info(name)?.shape ?? [], try file.floats(name))
                }, to: renamed.appendingPathComponent("adapter_model.safetensors"))
            let config = #"{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": \#(targets), "use_dora": \#(dora)}"#
            try Data(config.utf8).write(to: renamed.appendingPathComponent("adapter_config.json"))
        }
        let names = [("model.model.layers.", "model.transformer.h."), ("self_attn.o_proj", "attn.out"), ("mlp.down_proj", "mlp.c_proj")]
        try rename(names, targets: #"["attn.out", "c_proj"]"#)
        let (got, wanted) = (try logits(toy, .f32, lora: renamed), try logits(model, .f32, lora: lora))
        #expect(got == wanted)
        #expect(try wanted != logits(model, .f32))
        #expect { _ = try logits(toy, .f32, lora: lora) } throws: {
            "\($0)".contains("only transformer.h.N.{mlp.c_fc,mlp.c_proj,attn.query_key_value,attn.out}")
        }
        try rename([names[0], ("self_attn.o_proj", "attn.query_key_value"), names[2]], targets: #"["query_key_value", "c_proj"]"#)
        #expect { _ = try logits(toy, .f32, lora: renamed) } throws: { "\($0)".contains("attn.query_key_value.lora_B.weight' has shape") }
    }

    /// One A and one B for query, key and value, whose rows lie by heads as the base's do, against three that stand alone with that A.
    @Test(arguments: [false, true]) func lorasOnSharedTensors(dora: Bool) throws {
        var random = try RandomCheckpoint(seed: 29)
        defer { random.remove() }
        let (model, toy) = (try random.model(), random.folder.appendingPathComponent("toy"))
        let checkpoint = try ToyCheckpoint(model: model)
        try checkpoint.write(to: toy)
        let (shape, rank) = (checkpoint.config.shape, 3)
        let row = try #require(Architecture.toy.weights.row(.q))
        let heights = row.outputs.map { shape[$0] }
        var values = SeededRandom(seed: 30)
        func numbers(_ count: Int, around mean: Float = 0) -> [Float] {
            (0..<count).map { _ in mean + Float.random(in: -0.3...0.3, using: &values) }
        }
        var (alone, shared): ([(String, [Int], [Float])], [(String, [Int], [Float])]) = ([], [])
        for layer in 0..<checkpoint.config.layers {
            let (a, count) = (numbers(rank * shape.hiddenSize), heights.reduce(0, +))
            var b = [Float](repeating: 0, count: count * rank)
            var m = [Float](repeating: 0, count: count)
            for (index, module) in row.modules.enumerated() {
                let (rows, magnitudes) = (numbers(heights[index] * rank), numbers(heights[index], around: 1))
                let order = row.order(index, heights, shape, inGGUF: false)
                for row in 0..<heights[index] {
                    m[order.stored(row)] = magnitudes[row]
                    for column in 0..<rank { b[order.stored(row) * rank + column] = rows[row * rank + column] }
                }
                let name = "base_model.model.model.layers.\(layer).self_attn.\(module.rawValue)."
                alone += [(name + "lora_A.weight", [rank, shape.hiddenSize], a), (name + "lora_B.weight", [heights[index], rank], rows)]
                if dora { alone.append((name + "lora_magnitude_vector", [heights[index]], magnitudes)) }
            }
            let name = "base_model.model.transformer.h.\(layer).attn.query_key_value."
            shared += [(name + "lora_A.weight", [rank, shape.hiddenSize], a), (name + "lora_B.weight", [count, rank], b)]
            if dora { shared.append((name + "lora_magnitude_vector", [count], m)) }
        }
        func write(_ name: String, _ tensors: [(String, [Int], [Float])], targets: String) throws -> URL {
            let folder = random.folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try RandomCheckpoint.writeSafetensors(tensors, to: folder.appendingPathComponent("adapter_model.safetensors"))
            let config = #"{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": \#(targets), "use_dora": \#(dora)}"#
            try Data(config.utf8).write(to: folder.appendingPathComponent("adapter_config.json"))
            return folder
        }
        let (one, three) = (
            try write("one", shared, targets: #"["query_key_value"]"#),
            try write("three", alone, targets: #"["q_proj", "k_proj", "v_proj"]"#)
        )
        for format in [WeightFormat.f32, .int8] {
            let (got, wanted) = (try logits(toy, format, lora: one), try logits(model, format, lora: three))
            #expect(got == wanted)
            #expect(try wanted != logits(model, format))
        }
    }

    @Test func itIsKnownToNoList() throws {
        #expect(!Architecture.all.contains(.toy))
        var random = try RandomCheckpoint(seed: 24)
        defer { random.remove() }
        let toy = random.folder.appendingPathComponent("toy")
        try ToyCheckpoint(model: try random.model()).write(to: toy)
        #expect { _ = try ModelConfig.read(try Checkpoint.open(path: toy.path)) } throws: {
            "\($0)".contains("architecture ToyForCausalLM")
        }
    }
}
