import Checkpoints
import Jinja
import Models
import Tensors
import Tokenizers

/// What a checkpoint holds, from headers alone.
package struct ModelReport: Encodable {
    package struct Tensor: Encodable {
        package let name: String
        package let type: String
        package let shape: [Int]
        package let bytes: Int
    }

    package let name: String
    package let path: String
    package let architecture: String
    package let parameters: Int
    package let tensorCount: Int
    package let tensorBytes: Int
    /// Bytes of the checkpoint's tensors by element type.
    package let bytesByType: [String: Int]
    package let layers: Int
    package let hiddenSize: Int
    package let heads: Int
    package let kvHeads: Int
    package let headDim: Int
    package let ffnSize: Int
    package let vocabSize: Int
    package let contextLength: Int
    package let ropeTheta: Double
    package let ropeScaling: String?
    package let rmsEpsilon: Float
    package let qkvBias: Bool
    package let tiedEmbeddings: Bool
    /// What the weights take in memory, by format.
    package let packedBytes: [String: Int]
    /// How each kind of matrix is packed, by format and role.
    package let packing: [String: [String: RolePacking]]
    package let kvBytesPerToken: [String: Int]
    package let tokenizer: TokenizerFacts
    package let chatTemplate: Bool
    /// Why the template there is cannot be used.
    package let chatTemplateProblem: String?
    /// Whether an answer starts inside a think block that the template opened.
    package let opensThinkBlock: Bool
    package let tensors: [Tensor]?

    package struct TokenizerFacts: Encodable {
        package let tokens: Int
        package let bos: String?
        package let eos: String?
        package let addsBos: Bool
        package let endTokens: [Int32]
    }

    package struct RolePacking: Encodable {
        package let formats: [String]
        package let bytes: Int
        package let bitsPerWeight: Double
        /// Matrices that hold a checkpoint's own blocks with every value kept, and those that had to quantise blocks anew.
        package let exact: Int
        package let requantised: Int

        init(_ sections: [WeightPlan.Section]) {
            formats = Set(sections.map { "\($0.layout)" }).sorted()
            bytes = sections.reduce(0) { $0 + $1.range.count }
            bitsPerWeight = 8 * Double(bytes) / Double(max(sections.reduce(0) { $0 + $1.elements }, 1))
            exact = sections.count(where: \.isRepacked)
            requantised = sections.count(where: \.isRequantised)
        }
    }

    package init(_ bundle: ModelBundle, listsTensors: Bool) {
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
        case .yarn(let yarn): "YaRN, factor \(yarn.factor), original context \(Int(yarn.originalContext))"
        case .long(let rope): "LongRoPE, original context \(rope.originalContext)"
        }
    }
}
