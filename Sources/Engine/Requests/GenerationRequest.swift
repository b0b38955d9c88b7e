import Adapters

/// One prompt to be continued, `choices` times.
package struct GenerationRequest: Sendable {
    package var id: String
    package var prompt: [Int32]
    package var adapters: AdapterSet
    package var sampling: SamplingParameters
    package var stop: StopConditions
    /// Independent continuations; they share the prompt's prefill.
    package var choices = 1
    /// Log-probabilities of each generated token and of this many most likely alternatives; nil for none.
    package var logprobs: Int?
    /// The same for every prompt token but the first.
    package var promptLogprobs: Int?
    /// Score the end of the prompt instead of continuing it.
    package var scoring: Scoring?
    /// Tell the reasoning in the text from the content; nil to give the text as it is.
    package var reasoning: ReasoningTags?
    /// Leave special tokens out of the text.
    package var skipsSpecialTokens = true
    /// Also report what observing interventions read on the prompt.
    package var observesPrompt = false
    /// Whom the request is served for: places are shared out fairly between clients.
    package var client = ""

    package init(
        id: String, prompt: [Int32], adapters: AdapterSet = .none, sampling: SamplingParameters = SamplingParameters(),
        stop: StopConditions
    ) {
        self.id = id
        self.prompt = prompt
        self.adapters = adapters
        self.sampling = sampling
        self.stop = stop
    }
}
