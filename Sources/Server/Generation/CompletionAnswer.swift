import Adapters
import Engine
import JSONText

/// Builds `text_completion` objects, streamed and not.
struct CompletionAnswer: AnswerBuilder {
    let plan: GenerationPlan
    private(set) var usage = Usage()
    /// Text of each prompt when the request asked for `echo`.
    private let echoes: [String]?
    private let bytes: @Sendable (Int32) -> [UInt8]
    private var choices: [Choice]
    private var promptObservations: [[JSON]?]
    private var tally: SpliceTally

    var chunkObject: String { "text_completion" }

    private struct Choice {
        var text = ""
        var logprobs = CompletionLogprobs()
        var observations: [JSON] = []
        var finish: FinishReport?
    }

    init(_ plan: GenerationPlan, echoes: [String]?, bytes: @escaping @Sendable (Int32) -> [UInt8]) {
        self.plan = plan
        self.echoes = echoes
        self.bytes = bytes
        tally = SpliceTally(choices: plan.choiceCount)
        choices = Array(repeating: Choice(), count: plan.choiceCount)
        promptObservations = Array(repeating: nil, count: plan.requests.count)
    }

    mutating func take(_ event: GenerationEvent, prompt: Int) -> [JSON] {
        switch event {
        case .prompt(let report): take(report, prompt)
        case .token(let token): take(token, plan.index(prompt: prompt, choice: token.choice))
        case .finished(let report): take(report, plan.index(prompt: prompt, choice: report.choice))
        case .failed: []
        }
    }

    private mutating func take(_ report: PromptReport, _ prompt: Int) -> [JSON] {
        usage.promptTokens += report.tokens
        usage.cachedTokens += report.cachedTokens
        let request = plan.requests[prompt]
        if request.observesPrompt {
            promptObservations[prompt] = ObservationFields.json(report.observations, bytes: bytes, labels: plan.labels)
        }
        var chunks: [JSON] = []
        for choice in 0..<plan.choices {
            let index = plan.index(prompt: prompt, choice: choice)
            let text = echoes?[prompt] ?? ""
            if echoes != nil, request.logprobs != nil {
                // Tokens that the tokeniser put in front (BOS) are not part of the text, so theirs starts before it.
                let total = request.prompt.reduce(0) { $0 + TokenText.length(bytes($1)) }
                choices[index].logprobs.offset = text.unicodeScalars.count - total
                for (position, token) in request.prompt.enumerated() {
                    let values = report.logprobs.flatMap { position < $0.count ? $0[position] : nil }
                    choices[index].logprobs.append(token, values, bytes: bytes)
                }
            }
            guard plan.streams else {
                choices[index].text = text
                continue
            }
            var resa = JSONObject()
            if index == 0 { resa["applied"] = ResaFields.applied(plan.applied) }
            if choice == 0, let observations = promptObservations[prompt] { resa["prompt_observations"] = .array(observations) }
            chunks.append(chunk(streamed(index, text: text), resa: resa))
        }
        return chunks
    }

    private mutating func take(_ token: GeneratedToken, _ index: Int) -> [JSON] {
        if let values = token.logprobs {
            choices[index].logprobs.append(token.id, values, bytes: bytes)
        }
        let observations = ObservationFields.json(token.observation.map { [$0] } ?? [], bytes: bytes, labels: plan.labels)
        guard plan.streams else {
            choices[index].text += token.text
            choices[index].observations += observations
            return []
        }
        var resa = JSONObject()
        if !observations.isEmpty { resa["observations"] = .array(observations) }
        if token.text.isEmpty, token.logprobs == nil, resa.isEmpty { return [] }
        return [chunk(streamed(index, text: token.text), resa: resa)]
    }

    private mutating func take(_ report: FinishReport, _ index: Int) -> [JSON] {
        usage.completionTokens += report.generatedTokens
        choices[index].finish = report
        tally.take(report, index)
        guard plan.streams else {
            choices[index].text += report.text
            return []
        }
        return [chunk(streamed(index, text: report.text, finish: report), resa: finalFields(tally))]
    }

    func response() -> JSON {
        var object = plan.head("text_completion")
        object["choices"] = .array(choices.indices.map { .object(completed($0)) })
        object["usage"] = usage.json
        object["resa"] = ["applied": ResaFields.applied(plan.applied, splices: tally.splices)]
        return .object(object)
    }

    // MARK: - Pieces

    private func completed(_ index: Int) -> JSONObject {
        let choice = choices[index]
        var object = JSONObject([("index", .int(index)), ("text", .string(choice.text))])
        object["logprobs"] = wantsLogprobs ? choice.logprobs.json : .null
        object["finish_reason"] = choice.finish.map { Self.finishReason($0.reason) } ?? .null
        object["stop_reason"] = choice.finish.map(Self.stopReason) ?? .null
        var resa = JSONObject()
        if plan.requests[0].adapters.observes { resa["observations"] = .array(choice.observations) }
        if let observations = promptObservations[index / plan.choices] { resa["prompt_observations"] = .array(observations) }
        if !resa.isEmpty { object["resa"] = .object(resa) }
        return object
    }

    /// The choice of a chunk, with the log-probabilities that came since the last one.
    private mutating func streamed(_ index: Int, text: String, finish: FinishReport? = nil) -> JSONObject {
        var object = JSONObject([("index", .int(index)), ("text", .string(text))])
        object["logprobs"] = wantsLogprobs && !choices[index].logprobs.isEmpty ? choices[index].logprobs.json : .null
        choices[index].logprobs.clear()
        object["finish_reason"] = finish.map { Self.finishReason($0.reason) } ?? .null
        if let finish { object["stop_reason"] = Self.stopReason(finish) }
        return object
    }

    private var wantsLogprobs: Bool { plan.requests[0].logprobs != nil }
}
