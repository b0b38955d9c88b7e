import Adapters
import Checkpoints
import Foundation
import JSONText
import Jinja
import Models
import Tensors
import Tokenizers

/// Every reader of untrusted bytes, one case each: the mutation test beside this file and the fuzzer in `Tests/Fuzz` run them all.
/// A new reader is one case here, its line in `read`, and a seed in `Tests/Fuzz/Corpus`.
enum ReaderFuzzTarget: String, CaseIterable, Sendable {
    case json, safetensors, gguf, config, tokenizer, template, lora, sae, saelens, steering
    case ggufAdapter = "gguf-adapter"

    /// Reads `bytes` and uses whatever was accepted.
    /// - Throws: the reader's own error; any other end is a finding.
    func read(_ bytes: [UInt8]) throws {
        switch self {
        case .json:
            _ = try JSON(parsing: Data(bytes))
        case .safetensors:
            try touch(SafetensorsFile(OpenFile(path: "fuzz.safetensors", contents: bytes)))
        case .gguf:
            let file = try GGUFFile(OpenFile(path: "fuzz.gguf", contents: bytes))
            try touch(file)
            let config = try ModelConfig(gguf: file)
            let weights = try WeightReader(checkpoint: .gguf(file), config: config)
            _ = try weights.vector(WeightPlace(.finalNorm))
            var row = [Float](repeating: 0, count: config.hiddenSize)
            try weights.read(WeightPlace(.k, layer: 0), rows: 0..<1, into: &row)
            try use(Tokenizer(gguf: file))
        case .config:
            let json = try JSON(parsing: Data(bytes))
            _ = try HuggingFaceFolder.chatTemplates(json, file: "fuzz.json")
            // Sizes are bounded, so that this cannot take much memory.
            _ = try ModelConfig(huggingFace: json, generation: json).rotaries()
        case .tokenizer:
            try use(Tokenizer(tokenizerJSON: Data(bytes)))
        case .template:
            let template = try Template(String(decoding: bytes, as: UTF8.self))
            let message: Value = ["role": "user", "content": "Hi"]
            let limits = RenderLimits(steps: 20_000, outputBytes: 1 << 20, depth: 100)
            _ = try template.render(["messages": [message], "add_generation_prompt": true], limits: limits)
        case .lora:
            try inFolder(bytes, "adapter_config.json", "adapter_model.safetensors") { folder in
                let lora = try LoRAAdapter.load(
                    folder: folder, name: "fuzz", digest: "", shape: Self.shape, format: .bf16, pool: pool)
                for layer in 0..<Self.shape.layers {
                    for module in ProjectionModule.allCases { _ = lora.update(layer: layer, module: module)?.scale }
                }
            }
        case .sae:
            try inFolder(bytes, "cfg.json", "sae.safetensors") { folder in
                let sae = try SparseAutoencoder.load(
                    folder: folder, name: "fuzz", digest: "", hookpoint: .residual(layer: 0), shape: Self.shape, format: .bf16,
                    pool: pool)
                encode(sae)
            }
        case .saelens:
            try inFolder(bytes, "cfg.json", "sae_weights.safetensors") { folder in
                encode(
                    try SAELensLayout(folder: folder, name: "fuzz", shape: Self.shape).load(digest: "", format: .bf16, pool: pool))
            }
        case .steering:
            try inFolder(bytes, "steering.json", "vector.safetensors") { folder in
                add(try SteeringLayout(folder: folder, name: "fuzz", shape: Self.shape).load(digest: ""))
            }
        case .ggufAdapter:
            let file = try GGUFFile(OpenFile(path: "fuzz.gguf", contents: bytes))
            switch try GGUFAdapter(file, shownAs: "fuzz.gguf", name: "fuzz", shape: Self.shape) {
            case .lora(let layout): _ = try layout.load(digest: "", format: .bf16, base: nil, pool: pool)
            case .steering(let layout): add(try layout.load(digest: ""))
            }
        }
    }

    private func encode(_ sae: SparseAutoencoder) {
        let workspace = Workspace()
        let x = workspace.matrix(1, sae.width)
        let y = workspace.matrix(1, sae.width)
        for column in 0..<sae.width { x.pointer[column] = Float(column) - 3 }
        sae.decode(sae.encode(x, pool: pool, workspace: workspace), input: x, into: y, pool: pool, workspace: workspace)
    }

    private func add(_ vectors: SteeringVectors) {
        guard let steering = try? Steering(vectors) else { return }
        let workspace = Workspace()
        let h = workspace.matrix(1, vectors.width)
        h.fill(0)
        var rows = [RowContext(position: 0, promptLength: 1, row: 0)]
        for action in AdapterSet([.vector(steering)]).actions(at: vectors.hookpoints[0]) {
            action.apply(to: h, input: nil, rows: &rows, observations: nil, pool: pool, workspace: workspace)
        }
    }

    private static let shape = ModelShape(
        layers: 2, hiddenSize: 8, queryWidth: 8, keyValueWidth: 4, ffnSize: 12, vocabSize: 32, headDim: 4)
    /// Each reader its own: tests run side by side, and a pool has one caller at a time.
    private var pool: WorkerPool { WorkerPool(threads: 1) }

    private func touch(_ tensors: any TensorSource) throws {
        var total: Float = 0
        for name in tensors.tensorNames {
            guard let info = tensors.info(name), info.type.isExpandable else { continue }
            total += try tensors.floats(name, maximumElements: 1 << 22).reduce(0, +)
        }
        _ = total
    }

    private func use(_ tokenizer: Tokenizer) throws {
        let ids = tokenizer.encode("Hällo <think> 12345\n\n  wörld 🙂\u{0}", addSpecialTokens: true)
        _ = tokenizer.decode(ids)
    }

    /// An adapter folder of two files is written as: length of the first (u32, little-endian), the first, the second.
    private func inFolder(_ bytes: [UInt8], _ first: String, _ second: String, _ load: (URL) throws -> Void) throws {
        guard bytes.count >= 4 else { throw CheckpointError.cannotRead(file: "seed", reason: "shorter than its length field") }
        let declared = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        let cut = min(4 + declared, bytes.count)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(bytes[4..<cut]).write(to: folder.appendingPathComponent(first))
        try Data(bytes[cut...]).write(to: folder.appendingPathComponent(second))
        try load(folder)
    }
}
