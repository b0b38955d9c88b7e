import Tensors

/// What a request that scores wants: the log-probability of each token of its prompt from some position on, given what comes before.
/// Adapters take the tokens before that position for the prompt, and the rest for generated.
package struct Scoring: Sendable {
    /// The first position scored; at least 1.
    package var from: Int
    /// Compare the distributions with those of an earlier score of the same tokens; nil to keep one's own for others.
    package var reference: ReferenceStates?

    package init(from: Int, reference: ReferenceStates? = nil) {
        self.from = from
        self.reference = reference
    }

    /// - Throws: `EngineError.invalidParameter` for what the request cannot mean.
    func validate(_ request: GenerationRequest, width: Int) throws(EngineError) {
        let scored = request.prompt.count - from
        if from < 1 || scored < 1 {
            throw .invalidParameter(name: "scoring.from", got: "\(from)", wanted: "from 1 to \(request.prompt.count - 1)")
        }
        if request.stop.maxTokens != 0 || request.choices != 1 {
            throw .invalidParameter(
                name: "scoring", got: "a request for \(request.choices) answers of \(request.stop.maxTokens) tokens",
                wanted: "one that generates nothing")
        }
        if let reference, reference.count != scored || reference.width != width {
            throw .invalidParameter(
                name: "scoring.reference", got: "\(reference.count) states of \(reference.width) elements",
                wanted: "\(scored) of \(width)")
        }
    }
}

/// The normalised hidden states `[count, width]` that scored tokens were predicted from. Their logits are the whole distributions, in
/// a hundredth of the memory.
package final class ReferenceStates: Sendable {
    package let count: Int
    package let width: Int
    private let states: AlignedBuffer<Float>

    init(_ states: consuming AlignedBuffer<Float>, width: Int) {
        count = states.count / width
        self.width = width
        self.states = states
    }

    var view: MatrixView { MatrixView(pointer: states.pointer, rows: count, columns: width) }
}

/// How a text was scored.
package struct TextScore: Sendable {
    /// One entry for each scored token.
    package let logprobs: [TokenLogprobs]
    /// KL(reference || this) in nats, of the whole distributions that each scored token comes from; nil without a reference.
    package let divergence: [Double]?
    /// To compare others with; nil when this one was compared itself.
    package let states: ReferenceStates?
}

/// Gathers a score row by row. Rows may come again after a preemption, and give the same.
final class TextScorer {
    let scoring: Scoring
    private var logprobs: [TokenLogprobs?]
    private var divergence: [Double]
    private var states: [Float] = []

    init(_ scoring: Scoring, tokens: Int) {
        self.scoring = scoring
        logprobs = Array(repeating: nil, count: tokens - scoring.from)
        divergence = scoring.reference == nil ? [] : Array(repeating: 0, count: tokens - scoring.from)
    }

    /// - Parameters:
    ///   - index: of the token among those scored.
    ///   - hidden: the state `[width]` it was predicted from.
    func keep(_ index: Int, _ logprobs: TokenLogprobs, divergence: Double?, hidden: UnsafePointer<Float>, width: Int) {
        self.logprobs[index] = logprobs
        if let divergence {
            self.divergence[index] = divergence
        } else {
            if states.isEmpty { states = Array(repeating: 0, count: self.logprobs.count * width) }
            states.withUnsafeMutableBufferPointer { $0.baseAddress!.advanced(by: index * width).update(from: hidden, count: width) }
        }
    }

    /// Nil before every token has been scored.
    var score: TextScore? {
        let complete = logprobs.compactMap { $0 }
        guard complete.count == logprobs.count else { return nil }
        if scoring.reference != nil { return TextScore(logprobs: complete, divergence: divergence, states: nil) }
        let buffer = AlignedBuffer<Float>(count: states.count)
        for (index, value) in states.enumerated() { buffer.pointer[index] = value }
        return TextScore(logprobs: complete, divergence: nil, states: ReferenceStates(buffer, width: states.count / complete.count))
    }
}
