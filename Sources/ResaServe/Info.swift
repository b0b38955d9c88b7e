import ArgumentParser
import Checkpoints
import Foundation
import Jinja
import Models
import Tensors

/// `resa info`: what a checkpoint holds.
struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a model's configuration, tensors, tokenizer and template.",
        discussion: "Reads headers only; weights are neither read nor packed.")

    @OptionGroup var source: ModelOptions

    @Flag(help: "List every tensor.")
    var tensors = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let report = ModelReport(try ModelBundle.open(path: source.model), listsTensors: tensors)
        if json { return try Console.printJSON(report) }
        Console.printFacts(report.facts)
        if let tensors = report.tensors {
            Console.printLine("")
            Console.printTable(
                ["tensor", "type", "shape"], tensors.map { [$0.name, $0.type, $0.shape.map(String.init).joined(separator: " x ")] })
        }
    }
}

/// The facts of `resa info`.
struct ModelReport: Encodable {
    struct Tensor: Encodable {
        let name: String
        let type: String
        let shape: [Int]
        let bytes: Int
    }

    let name: String
    let path: String
    let architecture: String
    let parameters: Int
    let tensorCount: Int
    let tensorBytes: Int
    /// Bytes of the checkpoint's tensors by element type.
    let bytesByType: [String: Int]
    let layers: Int
    let hiddenSize: Int
    let heads: Int
    let kvHeads: Int
    let headDim: Int
    let ffnSize: Int
    let vocabSize: Int
    let contextLength: Int
    let ropeTheta: Double
    let ropeScaling: String?
    let rmsEpsilon: Float
    let qkvBias: Bool
    let tiedEmbeddings: Bool
    /// What the weights take in memory, by format.
    let packedBytes: [String: Int]
    /// How each kind of matrix is packed, by format and role.
    let packing: [String: [String: RolePacking]]
    let kvBytesPerToken: [String: Int]
    let tokenizer: TokenizerFacts
    let chatTemplate: Bool
    /// Why the template there is cannot be used.
    let chatTemplateProblem: String?
    /// Whether an answer starts inside a think block that the template opened.
    let opensThinkBlock: Bool
    let tensors: [Tensor]?

    struct TokenizerFacts: Encodable {
        let tokens: Int
        let bos: String?
        let eos: String?
        let addsBos: Bool
        let endTokens: [Int32]
    }

    struct RolePacking: Encodable {
        let formats: [String]
        let bytes: Int
        let bitsPerWeight: Double
        /// Matrices that hold a checkpoint's own blocks with every value kept, and those that had to quantise blocks anew.
        let exact: Int
        let requantised: Int

        init(_ sections: [WeightPlan.Section]) {
            formats = Set(sections.map { "\($0.layout)" }).sorted()
            bytes = sections.reduce(0) { $0 + $1.range.count }
            bitsPerWeight = 8 * Double(bytes) / Double(max(sections.reduce(0) { $0 + $1.elements }, 1))
            exact = sections.count(where: \.isRepacked)
            requantised = sections.count(where: \.isRequantised)
        }

        var text: String {
            let notes = [exact > 0 ? "\(exact) repacked exactly" : nil, requantised > 0 ? "\(requantised) quantised anew" : nil]
            let note = notes.compactMap(\.self).joined(separator: ", ")
            return "\(formats.joined(separator: " / ")), \(Quantity.bytes(bytes)), \(String(format: "%.2f", bitsPerWeight)) bits a weight"
                + (note.isEmpty ? "" : " (\(note))")
        }
    }

    init(_ bundle: ModelBundle, listsTensors: Bool) {
        let config = bundle.config
        let source = bundle.checkpoint.tensors
        let infos = source.tensorNames.sorted().compactMap(source.info)
        (name, path, architecture) = (bundle.name, bundle.path, config.architecture)
        let elements = infos.reduce(0) { $0 + $1.elementCount }
        parameters = elements
        tensorCount = infos.count
        tensorBytes = infos.reduce(0) { $0 + $1.byteRange.count }
        bytesByType = Dictionary(infos.map { ("\($0.type)", $0.byteRange.count) }, uniquingKeysWith: +)
        (layers, hiddenSize, heads) = (config.layers, config.hiddenSize, config.heads)
        (kvHeads, headDim, ffnSize) = (config.kvHeads, config.headDim, config.ffnSize)
        (vocabSize, contextLength) = (config.vocabSize, config.contextLength)
        (ropeTheta, rmsEpsilon) = (config.ropeTheta, config.rmsEpsilon)
        ropeScaling = config.ropeScaling.map(Self.text)
        (qkvBias, tiedEmbeddings) = (config.qkvBias, config.tiedEmbeddings)
        let plans = WeightFormat.allCases.compactMap { format in (try? bundle.weights.plan(format)).map { (format.rawValue, $0) } }
        packedBytes = Dictionary(uniqueKeysWithValues: plans.map { ($0, $1.byteCount) })
        packing = Dictionary(
            uniqueKeysWithValues: plans.map { name, plan in
                (name, Dictionary(grouping: plan.sections, by: \.role.rawValue).mapValues(RolePacking.init))
            })
        kvBytesPerToken = Dictionary(uniqueKeysWithValues: KVFormat.allCases.map { ($0.rawValue, config.kvBytesPerToken($0)) })
        let tokenizer = bundle.tokenizer
        self.tokenizer = TokenizerFacts(
            tokens: tokenizer.vocabSize, bos: tokenizer.bosText.isEmpty ? nil : tokenizer.bosText,
            eos: tokenizer.eosText.isEmpty ? nil : tokenizer.eosText, addsBos: tokenizer.addBOS, endTokens: config.eosTokens)
        let template = try? bundle.chatTemplate?.get()
        chatTemplate = template != nil
        if case .failure(let error) = bundle.chatTemplate { chatTemplateProblem = "\(error)" } else { chatTemplateProblem = nil }
        let sample = try? template?.render(messages: [["role": "user", "content": "Hi"]], addGenerationPrompt: true)
        opensThinkBlock = ChatTemplate.endsInsideThinkBlock(sample ?? "")
        tensors = listsTensors ? infos.map { Tensor(name: $0.name, type: "\($0.type)", shape: $0.shape, bytes: $0.byteRange.count) } : nil
    }

    private static func text(_ scaling: RoPEScaling) -> String {
        switch scaling {
        case .llama3(let factor, let low, let high, let original):
            "llama3, factor \(factor), low \(low), high \(high), original context \(Int(original))"
        case .linear(let factor): "linear, factor \(factor)"
        case .divisors(let divisors): "\(divisors.count) divisors from the file"
        }
    }

    var facts: [(name: String, value: String?)] {
        func perFormat(_ formats: [String], _ bytes: [String: Int]) -> String {
            formats.map { "\(Quantity.bytes(bytes[$0] ?? 0)) \($0)" }.joined(separator: ", ")
        }
        let types = bytesByType.sorted { $0.value > $1.value }.map { "\($0.key) \(Quantity.bytes($0.value))" }.joined(separator: ", ")
        let packed: [(name: String, value: String?)] = [WeightFormat.int8, .int4].flatMap { format in
            MatrixRole.allCases.compactMap { role in
                packing[format.rawValue]?[role.rawValue].map { ("\(format.rawValue) \(role)", $0.text) }
            }
        }
        let model: [(name: String, value: String?)] = [
            ("model", name), ("path", path), ("architecture", architecture), ("parameters", Quantity.count(parameters)),
            ("tensors", "\(tensorCount), \(Quantity.bytes(tensorBytes)) (\(types))"),
            ("layers", "\(layers), hidden size \(hiddenSize), feed-forward size \(ffnSize)"),
            ("attention", "\(heads) heads, \(kvHeads) KV heads, head size \(headDim)\(qkvBias ? ", with bias" : "")"),
            ("context", "\(contextLength) tokens"), ("RoPE", "theta \(ropeTheta)\(ropeScaling.map { ", \($0)" } ?? "")"),
            ("RMSNorm epsilon", "\(rmsEpsilon)"),
            ("vocabulary", "\(vocabSize) rows, \(tokenizer.tokens) tokens, \(tiedEmbeddings ? "tied" : "separate") output"),
            ("in memory", perFormat(WeightFormat.allCases.map(\.rawValue), packedBytes)),
        ]
        let rest: [(name: String, value: String?)] = [
            ("KV per token", perFormat(KVFormat.allCases.map(\.rawValue), kvBytesPerToken)),
            ("begin token", tokenizer.bos.map { "\($0)\(tokenizer.addsBos ? ", added to every prompt" : "")" }),
            ("end tokens", tokenizer.endTokens.map(String.init).joined(separator: ", ") + (tokenizer.eos.map { " (\($0))" } ?? "")),
            (
                "chat template",
                chatTemplate
                    ? (opensThinkBlock ? "yes, opens a think block" : "yes") : chatTemplateProblem.map { "unusable: \($0)" } ?? "none"
            ),
        ]
        return model + packed + rest
    }
}
