import Adapters
import Engine
import JSONText

/// Builds `chat.completion` and `chat.completion.chunk` objects.
struct ChatAnswer: AnswerBuilder {
    let plan: GenerationPlan
    let includesReasoning: Bool
    private(set) var usage = Usage()
    private let bytes: @Sendable (Int32) -> [UInt8]
    private var choices: [Choice]
    private var promptObservations: [JSON]?
    private var tally: SpliceTally

    var chunkObject: String { "chat.completion.chunk" }

    private struct Choice {
        var reasoning = ""
        var content = ""
        var logprobs: [JSON] = []
        var observations: [JSON] = []
        var finish: FinishReport?
    }

    /// - Parameter includesReasoning: give the reasoning back, beside the content.
    init(_ plan: GenerationPlan, includesReasoning: Bool, bytes: @escaping @Sendable (Int32) -> [UInt8]) {
        self.plan = plan
        self.includesReasoning = includesReasoning
        self.bytes = bytes
        tally = SpliceTally(choices: plan.choiceCount)
        choices = Array(repeating: Choice(), count: plan.choices)
    }

    mutating func take(_ event: GenerationEvent, prompt: Int) -> [JSON] {
        switch event {
        case .prompt(let report): take(report)
        case .token(let token): take(token)
        case .finished(let report): take(report)
        case .failed: []
        }
    }

    private mutating func take(_ report: PromptReport) -> [JSON] {
        usage.promptTokens += report.tokens
        usage.cachedTokens += report.cachedTokens
        if plan.requests[0].observesPrompt {
            promptObservations = ObservationFields.json(report.observations, bytes: bytes, labels: plan.labels)
        }
        guard plan.streams else { return [] }
        return choices.indices.map { index in
            var resa = JSONObject()
            if index == 0 {
                resa["applied"] = ResaFields.applied(plan.applied)
                if let promptObservations { resa["prompt_observations"] = .array(promptObservations) }
            }
            return chunk(choice(index, delta: [("role", "assistant"), ("content", "")]), resa: resa)
        }
    }

    private mutating func take(_ token: GeneratedToken) -> [JSON] {
        let index = token.choice
        if token.isReasoning { usage.reasoningTokens += 1 }
        let piece = ReasoningSplitter.Piece(reasoning: token.reasoning, content: token.text)
        let entries = token.logprobs.map { [ChatLogprobs.entry($0, bytes: bytes)] } ?? []
        let observations = ObservationFields.json(token.observation.map { [$0] } ?? [], bytes: bytes, labels: plan.labels)
        guard plan.streams else {
            choices[index].reasoning += piece.reasoning
            choices[index].content += piece.content
            choices[index].logprobs += entries
            choices[index].observations += observations
            return []
        }
        var resa = JSONObject()
        if !observations.isEmpty { resa["observations"] = .array(observations) }
        var deltas = deltas(piece)
        if deltas.isEmpty {
            if entries.isEmpty, resa.isEmpty { return [] }
            deltas = [[]]
        }
        return deltas.enumerated().map { number, delta in
            chunk(choice(index, delta: delta, logprobs: number == 0 ? entries : []), resa: number == 0 ? resa : JSONObject())
        }
    }

    private mutating func take(_ report: FinishReport) -> [JSON] {
        let index = report.choice
        usage.completionTokens += report.generatedTokens
        let tail = ReasoningSplitter.Piece(reasoning: report.reasoning, content: report.text)
        choices[index].finish = report
        tally.take(report, index)
        guard plan.streams else {
            choices[index].reasoning += tail.reasoning
            choices[index].content += tail.content
            return []
        }
        return deltas(tail).map { chunk(choice(index, delta: $0), resa: JSONObject()) }
            + [chunk(choice(index, delta: [], finish: report), resa: finalFields(tally))]
    }

    func response() -> JSON {
        var object = plan.head("chat.completion")
        object["choices"] = .array(choices.indices.map { .object(message($0)) })
        object["usage"] = usage.json
        var resa = JSONObject([("applied", ResaFields.applied(plan.applied, splices: tally.splices))])
        if let promptObservations { resa["prompt_observations"] = .array(promptObservations) }
        object["resa"] = .object(resa)
        return .object(object)
    }

    // MARK: - Pieces

    private func message(_ index: Int) -> JSONObject {
        let choice = choices[index]
        var message = JSONObject([("role", "assistant"), ("content", .string(choice.content)), ("refusal", .null)])
        if includesReasoning, !choice.reasoning.isEmpty {
            message["reasoning_content"] = .string(choice.reasoning)
            message["reasoning"] = .string(choice.reasoning)
        }
        var object = JSONObject([("index", .int(index)), ("message", .object(message))])
        object["logprobs"] = plan.requests[0].logprobs == nil ? .null : ["content": .array(choice.logprobs), "refusal": .null]
        object["finish_reason"] = choice.finish.map { Self.finishReason($0.reason) } ?? .null
        object["stop_reason"] = choice.finish.map(Self.stopReason) ?? .null
        if plan.requests[0].adapters.observes { object["resa"] = ["observations": .array(choice.observations)] }
        return object
    }

    /// The deltas for a piece of text: none holds both reasoning and content, so that clients can tell where one ends.
    private func deltas(_ piece: ReasoningSplitter.Piece) -> [[(key: String, value: JSON)]] {
        var deltas: [[(key: String, value: JSON)]] = []
        if includesReasoning, !piece.reasoning.isEmpty {
            deltas.append([("reasoning_content", .string(piece.reasoning)), ("reasoning", .string(piece.reasoning))])
        }
        if !piece.content.isEmpty { deltas.append([("content", .string(piece.content))]) }
        return deltas
    }

    private func choice(
        _ index: Int, delta: [(key: String, value: JSON)], logprobs: [JSON] = [], finish: FinishReport? = nil
    ) -> JSONObject {
        var object = JSONObject([("index", .int(index)), ("delta", .object(JSONObject(delta)))])
        object["logprobs"] = logprobs.isEmpty ? .null : ["content": .array(logprobs), "refusal": .null]
        object["finish_reason"] = finish.map { Self.finishReason($0.reason) } ?? .null
        if let finish { object["stop_reason"] = Self.stopReason(finish) }
        return object
    }
}
