import Foundation
import Jinja
import Models
import Tokenizers

/// One way in which a model differs from the base that an adapter was made for.
package struct BaseDifference: Sendable, Equatable {
    package enum Subject: String, Sendable { case architecture, rope, tokenizer, template }

    package let subject: Subject
    package let text: String
    /// The adapter meets other numbers than it was made with; else it is good to know and no more.
    package let matters: Bool

    package init(subject: Subject, text: String, matters: Bool) {
        (self.subject, self.text, self.matters) = (subject, text, matters)
    }

    /// What is not known of either is not compared.
    /// - Parameter sample: a text to tokenise with both.
    package static func find(in model: BaseFacts, against base: BaseFacts, sample: String) -> [BaseDifference] {
        var found: [BaseDifference] = []
        if let own = model.config, let other = base.config { found += architecture(own, other) + rope(own, other) }
        if let own = model.tokenizer, let other = base.tokenizer {
            found += tokenizer(own, other, limit: model.config?.vocabSize ?? .max, sample)
        }
        if let difference = template(model, base) { found.append(difference) }
        return found
    }

    private static func architecture(_ own: ModelConfig, _ base: ModelConfig) -> [BaseDifference] {
        func check(_ what: String, _ own: some Equatable, _ base: some Equatable, matters: Bool) -> BaseDifference? {
            let (own, base) = ("\(own)", "\(base)")
            return own == base ? nil : BaseDifference(subject: .architecture, text: "\(what) \(own), the base's \(base)", matters: matters)
        }
        return [
            check("architecture", own.architecture, base.architecture, matters: true),
            check("layers", own.layers, base.layers, matters: true),
            check("hidden size", own.hiddenSize, base.hiddenSize, matters: true),
            check("heads", own.heads, base.heads, matters: true),
            check("key-value heads", own.kvHeads, base.kvHeads, matters: true),
            check("ffn size", own.ffnSize, base.ffnSize, matters: true),
            check("epsilon of norms", own.rmsEpsilon, base.rmsEpsilon, matters: true),
            check("context length", own.contextLength, base.contextLength, matters: false),
        ].compactMap { $0 }
    }

    /// Compares the frequencies themselves: there are several ways to write the same ones.
    private static func rope(_ own: ModelConfig, _ base: ModelConfig) -> [BaseDifference] {
        func isSame(_ one: Rotary, _ other: Rotary) -> Bool {
            let pairs = zip(one.inverseFrequencies + [one.factor], other.inverseFrequencies + [other.factor])
            return one.inverseFrequencies.count == other.inverseFrequencies.count
                && pairs.allSatisfy { abs($0 - $1) <= 1e-4 * max(abs($0), abs($1)) }
        }
        let (rotaries, others) = (own.rotaries(), base.rotaries())
        let areSame = rotaries.all.count == others.all.count && zip(rotaries.all, others.all).allSatisfy(isSame)
        if areSame, own.layers != base.layers || rotaries.ofLayer == others.ofLayer { return [] }
        func show(_ config: ModelConfig) -> String {
            let scaling =
                switch config.ropeScaling {
                case nil: ""
                case .llama3(let factor, _, _, _)?: ", llama3 scaling by \(factor)"
                case .linear(let factor)?: ", linear scaling by \(factor)"
                case .divisors?: ", frequencies scaled one by one"
                case .yarn(let yarn)?: ", YaRN by \(yarn.factor)"
                case .long(let rope)?: ", LongRoPE from \(rope.originalContext)"
                }
            return "theta \(config.ropeTheta) over \(config.rotatedWidth)\(scaling)"
        }
        return [BaseDifference(subject: .rope, text: "RoPE \(show(own)); the base's \(show(base))", matters: true)]
    }

    private static func tokenizer(_ own: Tokenizer, _ base: Tokenizer, limit: Int, _ sample: String) -> [BaseDifference] {
        let difference = own.difference(from: base, idLimit: limit)
        var found: [BaseDifference] = []
        func add(_ text: String, matters: Bool) { found.append(BaseDifference(subject: .tokenizer, text: text, matters: matters)) }
        if let first = difference.changedIDs.first {
            let (piece, other) = (own.piece(first).debugDescription, base.piece(first).debugDescription)
            add(
                "\(difference.changedIDs.count) token ids stand for something else, as \(first): \(piece), the base's \(other)",
                matters: true)
        }
        if difference.size != difference.otherSize {
            add("\(difference.size) token ids, the base has \(difference.otherSize)", matters: false)
        }
        if !difference.sameMarks {
            func show(_ one: Tokenizer) -> String { "\(one.bosText.debugDescription) and \(one.eosText.debugDescription)" }
            add("sequences begin and end with \(show(own)), the base's with \(show(base))", matters: false)
        }
        let (tokens, others) = (own.encode(sample, addSpecialTokens: false), base.encode(sample, addSpecialTokens: false))
        if tokens != others, difference.changedIDs.isEmpty {
            add("the sample text becomes \(tokens.count) tokens, \(others.count) in the base, and not the same ones", matters: true)
        }
        return found
    }

    private static func template(_ model: BaseFacts, _ base: BaseFacts) -> BaseDifference? {
        // The base's template is unknown, not missing, where its tokenizer was not found either.
        guard let other = base.template else { return nil }
        guard let own = model.template else {
            return BaseDifference(subject: .template, text: "there is no chat template, the base has one", matters: true)
        }
        guard own != other else { return nil }
        func render(_ source: String) -> String? {
            let mark = model.tokenizer
            let template = try? ChatTemplate(source: source, bosToken: mark?.bosText ?? "", eosToken: mark?.eosText ?? "")
            return try? template?.render(messages: sampleChat, addGenerationPrompt: true, now: { Date(timeIntervalSince1970: 0) })
        }
        let (rendered, otherRendered) = (render(own), render(other))
        let same = rendered != nil && rendered == otherRendered
        return BaseDifference(
            subject: .template,
            text: same ? "the chat template is written otherwise, and makes the same of a short chat" : "the chat template is another",
            matters: !same)
    }

    private static let sampleChat: [Value] = [
        ["role": "user", "content": "How many?"], ["role": "assistant", "content": "Seven."], ["role": "user", "content": "Why?"],
    ]
}
