import Adapters
import Engine
import JSONText

/// Builds the answer of `POST /v1/compare`: each variant's own answer, and how likely each finds the first one's, token by token.
struct CompareAnswer: AnswerBuilder {
    struct Variant: Sendable {
        let label: String
        let adapters: ResolvedAdapters
    }

    /// Reads the first variant's answer under all of them; nil when the client has left.
    typealias Score = @Sendable (ScoreRequest) async throws(APIError) -> [TextScore]?

    let plan: GenerationPlan
    let chunkObject = "resa.comparison"
    private(set) var usage = Usage()
    private let variants: [Variant]
    private let includesReasoning: Bool
    private let bytes: @Sendable (Int32) -> [UInt8]
    private let score: Score
    private var answers: [Answer]

    private struct Answer {
        var piece = ReasoningSplitter.Piece()
        var tokens: [Int32] = []
        var finish: FinishReport?
    }

    init(
        _ plan: GenerationPlan, variants: [Variant], includesReasoning: Bool,
        bytes: @escaping @Sendable (Int32) -> [UInt8], score: @escaping Score
    ) {
        self.plan = plan
        self.variants = variants
        self.includesReasoning = includesReasoning
        self.bytes = bytes
        self.score = score
        answers = variants.map { _ in Answer() }
    }

    mutating func take(_ event: GenerationEvent, prompt: Int) -> [JSON] {
        switch event {
        case .prompt(let report):
            usage.promptTokens += report.tokens
            usage.cachedTokens += report.cachedTokens
        case .token(let token):
            if token.isReasoning { usage.reasoningTokens += 1 }
            answers[prompt].piece += ReasoningSplitter.Piece(reasoning: token.reasoning, content: token.text)
            answers[prompt].tokens.append(token.id)
        case .finished(let report):
            usage.completionTokens += report.generatedTokens
            answers[prompt].piece += ReasoningSplitter.Piece(reasoning: report.reasoning, content: report.text)
            answers[prompt].finish = report
        case .failed: break
        }
        return []
    }

    func response() async throws(APIError) -> JSON {
        let reference = answers[0].tokens
        var scores: [TextScore] = []
        if !reference.isEmpty {
            let first = plan.requests[0]
            var request = ScoreRequest(
                id: plan.id, prompt: first.prompt, answer: reference, variants: variants.map(\.adapters.set))
            request.client = first.client
            guard let all = try await score(request) else { throw .clientLeft }
            scores = all
        }
        var object = plan.head(chunkObject)
        object["tokens"] = .array(reference.map { ["id": .int(Int($0)), "token": .string(TokenText.text(bytes($0)))] })
        object["variants"] = .array(variants.indices.map { .object(variant($0, scores)) })
        object["usage"] = usage.json
        return .object(object)
    }

    private func variant(_ index: Int, _ scores: [TextScore]) -> JSONObject {
        let answer = answers[index]
        var object = JSONObject([
            ("index", .int(index)), ("label", .string(variants[index].label)),
            ("applied", ResaFields.applied(variants[index].adapters.applied, splices: answer.finish?.splices ?? [])),
            ("content", .string(answer.piece.content)),
        ])
        if includesReasoning, !answer.piece.reasoning.isEmpty { object["reasoning_content"] = .string(answer.piece.reasoning) }
        object["finish_reason"] = answer.finish.map { Self.finishReason($0.reason) } ?? .null
        object["stop_reason"] = answer.finish.map(Self.stopReason) ?? .null
        object["completion_tokens"] = .int(answer.finish?.generatedTokens ?? 0)
        guard index < scores.count else { return object }
        let (own, first) = (scores[index].logprobs, scores[0].logprobs)
        let divergence = scores[index].divergence ?? []
        object["logprobs"] = .array(own.map { CompletionLogprobs.number($0.logprob) })
        object["logprob_differences"] = .array(zip(own, first).map { CompletionLogprobs.number($0.logprob - $1.logprob) })
        object["kl"] = .array(divergence.map { .double($0) })
        if !divergence.isEmpty { object["mean_kl"] = .double(divergence.reduce(0, +) / Double(divergence.count)) }
        return object
    }
}
