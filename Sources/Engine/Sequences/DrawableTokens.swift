import Models
import Tensors
import Tokenizers

/// The token ids that an answer may hold: those the tokenizer knows, and the tokens that end an answer.
///
/// Models often have more logits than their tokenizer has tokens, to make the number a round one. What those say was never trained, and no
/// text stands for them. So they take no part in anything: they are not drawn, not listed, and not in the sum that probabilities are of.
struct DrawableTokens: Sendable {
    /// All are below this.
    let count: Int
    /// Ids below `count` that are none of them, ascending.
    let gaps: [Int32]

    init(_ config: ModelConfig, _ tokenizer: Tokenizer) {
        let ends = Set(config.eosTokens)
        func isKnown(_ id: Int32) -> Bool { tokenizer.contains(id) || ends.contains(id) }
        let last = (0..<Int32(config.vocabSize)).last(where: isKnown)
        count = last.map { Int($0) + 1 } ?? 0
        gaps = (0..<Int32(count)).filter { !isKnown($0) }
    }

    func contains(_ token: Int32) -> Bool { token >= 0 && Int(token) < count && !gaps.contains(token) }
}

/// The gaps in plain memory, for steps, which count no references.
struct LogitMask: ~Copyable {
    private let gaps: AlignedBuffer<Int32>

    init(_ drawable: DrawableTokens) { gaps = AlignedBuffer(drawable.gaps) }

    /// Makes the gaps' logits impossible.
    func apply(to logits: UnsafeMutablePointer<Float>) {
        for gap in gaps.buffer { logits[Int(gap)] = -.infinity }
    }
}
