import Checkpoints
import Foundation
import Testing

@testable import Evaluation

@Suite("Random LoRAs of equal norm")
struct RandomLoRATests {
    private let root = FileManager.default.temporaryDirectory.appending(path: "resa-control-\(UUID().uuidString)")

    private struct Tensor {
        let name: String
        let shape: [Int]
        let values: [Float]
    }

    private static let prefix = "base_model.model.model.layers.0.self_attn."

    private func source(zero: Bool = false, tensors: [Tensor]? = nil) throws -> URL {
        let folder = root.appending(path: "lora")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var numbers = NormalNumbers(seed: 3)
        let tensors =
            tensors ?? [
                Tensor(
                    name: Self.prefix + "q_proj.lora_A.weight", shape: [2, 5], values: numbers.next(count: 10, scale: 1)),
                Tensor(
                    name: Self.prefix + "q_proj.lora_B.weight", shape: [3, 2], values: numbers.next(count: 6, scale: 7)),
                Tensor(
                    name: Self.prefix + "v_proj.lora_A.weight", shape: [2, 5], values: numbers.next(count: 10, scale: 1)),
                Tensor(name: Self.prefix + "v_proj.lora_B.weight", shape: [4, 2], values: Array(repeating: 0, count: 8)),
            ]
        let writer = try TensorFileWriter<EvaluationError>(
            path: folder.appending(path: "adapter_model.safetensors").path,
            entries: tensors.map { .init(name: $0.name, type: .f32, shape: $0.shape) }, metadata: [])
        for tensor in tensors { try writer.write(tensor.values) }
        try writer.commit()
        try Data("{\"r\": 2}".utf8).write(to: folder.appending(path: "adapter_config.json"))
        return folder
    }

    /// `|B A|` element by element.
    private func norm(_ file: SafetensorsFile, _ module: String) throws -> Double {
        let (a, b) = (try file.floats(Self.prefix + module + ".lora_A.weight"), try file.floats(Self.prefix + module + ".lora_B.weight"))
        var sum = 0.0
        for row in 0..<b.count / 2 {
            for column in 0..<5 {
                let value = Double(b[row * 2]) * Double(a[column]) + Double(b[row * 2 + 1]) * Double(a[5 + column])
                sum += value * value
            }
        }
        return sum.squareRoot()
    }

    @Test("each module's update has the norm of the original's, another direction, and follows the seed")
    func norms() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        let source = try source()
        let (first, second) = (root.appending(path: "first"), root.appending(path: "second"))
        try RandomLoRA.write(like: source, name: "lora", to: first, seed: 1)
        try RandomLoRA.write(like: source, name: "lora", to: second, seed: 2)
        let files = try [source, first, second].map { try SafetensorsFile(path: $0.appending(path: "adapter_model.safetensors").path) }
        #expect(files[0].tensorNames.sorted() == files[1].tensorNames.sorted())
        for module in ["q_proj", "v_proj"] {
            let norms = try files.map { try norm($0, module) }
            #expect(abs(norms[1] - norms[0]) <= 1e-5 * norms[0] && abs(norms[2] - norms[0]) <= 1e-5 * norms[0])
        }
        #expect(try norm(files[1], "v_proj") == 0)
        #expect(try norm(files[1], "q_proj") > 0)
        let name = Self.prefix + "q_proj.lora_A.weight"
        #expect(try files[1].floats(name) != files[2].floats(name))
        #expect(try files[1].floats(name) != files[0].floats(name))
        #expect(try Data(contentsOf: first.appending(path: "adapter_config.json")) == Data("{\"r\": 2}".utf8))
        // Again: it is there. With another seed: it is another's.
        try RandomLoRA.write(like: source, name: "lora", to: first, seed: 1)
        #expect(throws: EvaluationError.self) { try RandomLoRA.write(like: source, name: "lora", to: first, seed: 2) }
    }

    @Test("what is no LoRA is refused, and leaves nothing behind")
    func refusals() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        let target = root.appending(path: "target")
        #expect(throws: EvaluationError.self) { try RandomLoRA.write(like: root, name: "none", to: target, seed: 1) }
        let odd = Tensor(name: "x.lora_A.weight", shape: [2, 5], values: Array(repeating: 1, count: 10))
        #expect(throws: EvaluationError.self) {
            try RandomLoRA.write(like: try source(tensors: [odd]), name: "lora", to: target, seed: 1)
        }
        let wrong = Tensor(name: "x.lora_B.weight", shape: [4, 3], values: Array(repeating: 1, count: 12))
        #expect(throws: EvaluationError.self) {
            try RandomLoRA.write(like: try source(tensors: [odd, wrong]), name: "lora", to: target, seed: 1)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: root.path) == ["lora"])
    }
}
