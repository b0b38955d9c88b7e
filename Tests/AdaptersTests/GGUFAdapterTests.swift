import Adapters
import Checkpoints
import Foundation
import JSONText
import Tensors
import TestRandomness
import TestSupport
import Testing

/// Adapters in GGUF files written by PyPI `gguf`, against the same numbers read from a PEFT folder or a safetensors file.
@Suite struct GGUFAdapterTests {
    private let root: URL
    private let shape: ModelShape
    private let pool = WorkerPool(threads: 2)

    init() throws {
        let path = try #require(ProcessInfo.processInfo.environment["RESA_GOLDENS"], "set RESA_GOLDENS (Tests/Reference/make_goldens.py)")
        root = URL(fileURLWithPath: path).appendingPathComponent("gguf-adapters")
        let numbers = try JSON(file: root.appendingPathComponent("shape.json").path)
        shape = ModelShape(
            layers: try numbers.int("layers"), hiddenSize: try numbers.int("hiddenSize"), queryWidth: try numbers.int("queryWidth"),
            keyValueWidth: try numbers.int("keyValueWidth"), ffnSize: try numbers.int("ffnSize"), vocabSize: 10,
            headDim: try numbers.int("headDim"))
    }

    @Test(arguments: ["llama", "qwen2"]) func aLoRAEqualsItsPEFTForm(architecture: String) throws {
        let folder = root.appendingPathComponent(architecture)
        let wanted = try LoRAAdapter.load(
            folder: folder.appendingPathComponent("peft"), name: "peft", digest: "a", shape: shape, format: .f32, pool: pool)
        let opened = try GGUFAdapter(folder: folder.appendingPathComponent("packed"), file: "adapter.gguf", name: "packed", shape: shape)
        guard case .lora(let layout) = opened else {
            Issue.record("it is no LoRA")
            return
        }
        #expect(layout.files == ["adapter.gguf"] && layout.ranks == [4] && layout.layers == [0, 1, 2] && layout.modules.count == 7)
        let got = try layout.load(digest: "b", format: .f32, base: nil, pool: pool)
        var generator = SeededRandom(seed: 3)
        for layer in 0..<shape.layers {
            for module in ProjectionModule.allCases {
                let x = Matrix(rows: 2, columns: shape.inputs(module), using: &generator)
                func delta(_ lora: LoRAAdapter) throws -> [Float] {
                    let y = Matrix([Float](repeating: 0, count: 2 * shape.outputs(module)), columns: shape.outputs(module))
                    try #require(lora.update(layer: layer, module: module))
                        .apply(x: x.view, into: y.view, strength: 1, pool: pool, workspace: Workspace())
                    return y.values
                }
                let (a, b) = (try delta(got), try delta(wanted))
                #expect(a == b && a.contains { $0 != 0 }, "\(architecture), layer \(layer), \(module)")
            }
        }
    }

    @Test func aControlVectorIsAddedAfterItsBlocks() throws {
        let folder = root.appendingPathComponent("control")
        guard case .steering(let layout) = try GGUFAdapter(folder: folder, file: "control.gguf", name: "calm", shape: shape) else {
            Issue.record("it is no control vector")
            return
        }
        #expect(layout.hookpoints == [.residual(layer: 1), .residual(layer: 2)])
        let vectors = try layout.load(digest: "c")
        let expected = try SafetensorsFile(path: folder.appendingPathComponent("expected.safetensors").path)
        let set = AdapterSet([.vector(try Steering(vectors, scale: -1.5))])
        #expect(set.actions(at: .residual(layer: 0)).isEmpty && set.sharedLayers == 2)
        for layer in 1...2 {
            let h = Matrix([Float](repeating: 0.25, count: 2 * shape.hiddenSize), columns: shape.hiddenSize)
            var rows = [RowContext].sequence(2)
            for action in set.actions(at: .residual(layer: layer)) {
                action.apply(to: h.view, input: nil, rows: &rows, observations: nil, pool: pool, workspace: Workspace())
            }
            let direction = try expected.floats("layers.\(layer)")
            #expect(relativeError(h.row(0), direction.map { 0.25 - 1.5 * $0 }) < 1e-6)
            #expect(h.row(0) == h.row(1))
        }
    }

    // MARK: Files that are refused.

    private func error(_ change: (inout GGUFBytes) -> Void, _ location: SourceLocation = #_sourceLocation) throws -> AdapterError {
        let folder = try TemporaryFolder()
        var file = GGUFBytes()
        change(&file)
        try folder.write(Data(file.bytes), to: "x.gguf")
        return try #require(throws: AdapterError.self, sourceLocation: location) {
            _ = try GGUFAdapter(folder: folder.url, file: "x.gguf", name: "x", shape: smallShape)
        }
    }

    private static func lora(_ file: inout GGUFBytes, architecture: String = "llama", type: String = "lora", alpha: Float = 4) {
        file.add("general.architecture", architecture)
        file.add("general.type", "adapter")
        file.add("adapter.type", type)
        file.add("adapter.lora.alpha", alpha)
    }

    private static func zeros(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }

    @Test func foreignFilesAreRefusedByName() throws {
        #expect(try error { $0.add("general.architecture", "llama") }.description.contains("architecture 'llama'"))
        #expect(try error { Self.lora(&$0, type: "ia3") }.description.contains("'ia3'"))
        #expect(try error { Self.lora(&$0, architecture: "falcon") }.description.contains("'falcon'"))
        #expect(try error { Self.lora(&$0) }.description.contains("no tensors"))
        #expect(try error { Self.lora(&$0, alpha: .infinity) }.description.contains("adapter.lora.alpha"))
        #expect(try error { file in file.version = 1 }.description.contains("version"))
        let invoked = try error {
            Self.lora(&$0)
            $0.add("adapter.alora.invocation_tokens", arrayOf: 4, count: 1, littleEndian(UInt32(5)))
        }
        #expect(invoked.description.contains("alora"))
    }

    /// Keys of an adapter that are set and of which nothing is known.
    @Test func unknownKeysAreRefusedByName() throws {
        let scaled = try error {
            Self.lora(&$0)
            $0.add("adapter.lora.rank_scaling", Float(2))
        }
        #expect(scaled.description.contains("'adapter.lora.rank_scaling'"))
        let kind = try error {
            Self.lora(&$0)
            $0.add("adapter.dora", UInt32(1))
        }
        #expect(kind.description.contains("'adapter.dora'"))
        let vector = try error {
            $0.add("general.architecture", "controlvector")
            $0.add("controlvector.method", "pca_center")
            $0.addFloats("direction.1", [24], Self.zeros(24))
        }
        #expect(vector.description.contains("'controlvector.method'"))
        let text = try error { file in
            file.add("general.architecture", "llama")
            file.add("general.type", "adapter")
            file.add("adapter.type", "lora")
            file.add("adapter.lora.alpha", "16")
        }
        #expect(text.description.contains("'adapter.lora.alpha' is the string"))
    }

    @Test func keysThatChangeNothingAreNot() throws {
        let folder = try TemporaryFolder()
        var file = GGUFBytes()
        Self.lora(&file, architecture: "qwen2")
        file.add("adapter.lora.task_name", "sums")
        file.add("adapter.lora.prompt_prefix", "Sum: ")
        file.add("adapter.later", UInt32(0))
        file.add("adapter.alora.invocation_tokens", arrayOf: 4, count: 0, [])
        file.addFloats("blk.0.attn_q.weight.lora_a", [24, 2], Self.zeros(48))
        file.addFloats("blk.0.attn_q.weight.lora_b", [2, UInt64(smallShape.outputs(.q))], Self.zeros(2 * smallShape.outputs(.q)))
        try folder.write(Data(file.bytes), to: "x.gguf")
        guard case .lora(let lora) = try GGUFAdapter(folder: folder.url, file: "x.gguf", name: "x", shape: smallShape) else {
            Issue.record("it is no LoRA")
            return
        }
        #expect(lora.ranks == [2])
    }

    @Test(arguments: [
        "token_embd.weight.lora_a", "output.weight.lora_a", "blk.0.attn_q.bias.lora_a", "blk.0.attn_qkv.weight.lora_a",
        "blk.x.attn_q.weight.lora_a", "blk.00.attn_q.weight.lora_a", "blk.0.attn_q.weight", "blk.0.attn_norm.weight",
    ])
    func otherTensorsAreRefused(tensor: String) throws {
        let got = try error {
            Self.lora(&$0)
            $0.addFloats(tensor, [24, 2], Self.zeros(48))
        }
        #expect(got.description.contains("'\(tensor)'"), "\(got)")
    }

    @Test func lorasMustFitTheModel() throws {
        let alone = try error {
            Self.lora(&$0, architecture: "qwen2")
            $0.addFloats("blk.0.attn_q.weight.lora_a", [24, 2], Self.zeros(48))
        }
        #expect(alone.description.contains("'blk.0.attn_q.weight.lora_b' is not"))
        func pair(_ a: [UInt64], _ b: [UInt64], layer: Int = 0, architecture: String = "qwen2") throws -> AdapterError {
            try error {
                Self.lora(&$0, architecture: architecture)
                $0.addFloats("blk.\(layer).attn_q.weight.lora_a", a, Self.zeros(Int(a.reduce(1, *))))
                $0.addFloats("blk.\(layer).attn_q.weight.lora_b", b, Self.zeros(Int(b.reduce(1, *))))
            }
        }
        #expect(
            try pair([20, 2], [2, 32])
                == .shapeMismatch(adapter: "x", tensor: "blk.0.attn_q.weight.lora_a", got: [2, 20], wanted: [2, 24]))
        #expect(
            try pair([24, 2], [2, 30])
                == .shapeMismatch(adapter: "x", tensor: "blk.0.attn_q.weight.lora_b", got: [30, 2], wanted: [32, 2]))
        #expect(
            try pair([24, 2], [3, 32])
                == .shapeMismatch(adapter: "x", tensor: "blk.0.attn_q.weight.lora_b", got: [32, 3], wanted: [32, 2]))
        #expect(try pair([24, 2], [2, 32], layer: 4) == .layerOutOfRange(adapter: "x", layer: 4, layers: 4))
        // The small model does not say how large its heads are.
        #expect(try pair([24, 2], [2, 32], architecture: "llama").description.contains("heads of 0 rows"))
    }

    @Test(arguments: ["direction.0", "direction.x", "direction.1.mlp", "direction.", "other"])
    func otherDirectionsAreRefused(tensor: String) throws {
        let got = try error {
            $0.add("general.architecture", "controlvector")
            $0.addFloats(tensor, [24], Self.zeros(24))
        }
        #expect(got.description.contains("'\(tensor)'"), "\(got)")
    }

    @Test func directionsMustFitTheModel() throws {
        func direction(_ name: String, _ dimensions: [UInt64]) throws -> AdapterError {
            try error {
                $0.add("general.architecture", "controlvector")
                $0.addFloats(name, dimensions, Self.zeros(Int(dimensions.reduce(1, *))))
            }
        }
        #expect(try direction("direction.1", [20]) == .shapeMismatch(adapter: "x", tensor: "direction.1", got: [20], wanted: [24]))
        #expect(try direction("direction.1", [24, 1]) == .shapeMismatch(adapter: "x", tensor: "direction.1", got: [1, 24], wanted: [24]))
        #expect(try direction("direction.4", [24]) == .layerOutOfRange(adapter: "x", layer: 4, layers: 4))
        #expect(try error { $0.add("general.architecture", "controlvector") }.description.contains("no vector"))
    }
}
