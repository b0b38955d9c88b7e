import JSONText
import Measuring

/// One request, ready to be sent.
struct PlannedRequest: Sendable {
    /// Which entry of the adapter mix it belongs to.
    let group: Int
    /// Names and values.
    let headers: [(name: String, value: String)]
    let body: [UInt8]
}

/// Turns a request's number into what is sent. The same number gives the same request, whatever happened before it.
struct RequestPlanner: Sendable {
    let scenario: Scenario
    let model: String
    let prompts: PromptMaker
    let headers: [(name: String, value: String)]

    func request(at index: Int) -> PlannedRequest {
        var generator = SplitMix64(seed: scenario.seed, purpose: .adapter, index: index)
        let group = scenario.adapters.draw(using: &generator)
        let adapter = scenario.adapters.entries[group].adapter
        var headers = headers
        if let adapter, scenario.adapters.carrier == .header { headers.append(("resa-adapters", adapter)) }
        let model = scenario.adapters.carrier == .model ? adapter ?? model : model
        let body = JSONWriter.bytes(.object(fields(prompts.prompt(at: index), model: model, index: index)))
        return PlannedRequest(group: group, headers: headers, body: body)
    }

    private func fields(_ prompt: Prompt, model: String, index: Int) -> JSONObject {
        var fields: JSONObject = ["model": .string(model)]
        switch (scenario.endpoint, prompt) {
        case (.chat, .text(let text)): fields["messages"] = [["role": "user", "content": .string(text)]]
        case (.chat, .messages(let messages)): fields["messages"] = .array(messages)
        case (.completions, .text(let text)): fields["prompt"] = .string(text)
        case (.completions, .messages(let messages)):
            fields["prompt"] = .string(messages.compactMap { $0["content"]?.string }.joined(separator: "\n"))
        }
        fields["max_tokens"] = .int(scenario.maxTokens)
        fields["temperature"] = .double(scenario.temperature)
        // Greedy answers need no seed, and a server that does not know the field need not be troubled with it.
        if scenario.temperature > 0 { fields["seed"] = .int(Int(truncatingIfNeeded: scenario.seed &+ UInt64(index)) & 0x7FFF_FFFF) }
        if scenario.ignoresEndOfText { fields["ignore_eos"] = true }
        if scenario.streams {
            fields["stream"] = true
            fields["stream_options"] = ["include_usage": true]
        }
        return fields
    }
}
