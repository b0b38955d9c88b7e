import Adapters

/// One text under several adapter sets.
package struct ScoreRequest: Sendable {
    package var id: String
    package var prompt: [Int32]
    /// What is scored after the prompt; at least one token.
    package var answer: [Int32]
    /// The first is what the others are compared with.
    package var variants: [AdapterSet]
    /// Most likely alternatives to report of each token.
    package var top = 0
    package var client = ""

    package init(id: String, prompt: [Int32], answer: [Int32], variants: [AdapterSet]) {
        self.id = id
        self.prompt = prompt
        self.answer = answer
        self.variants = variants
    }
}

extension Engine {
    /// The log-probability of each token of an answer under each variant, and how far the variant's distribution there is from the first
    /// one's: every variant reads the same tokens, so position by position they are asked the same question. Log-probabilities are bit for
    /// bit those of generating the same tokens. Layers that variants share are computed once, as in `submit(together:)`.
    ///
    /// - Returns: a score for each variant, in their order; the first has divergence 0. Nil when the task was cancelled.
    /// - Throws: an `EngineError` when the request is impossible, or the queue is full.
    package func score(_ request: ScoreRequest) async throws(EngineError) -> [TextScore]? {
        guard let first = request.variants.first else { return [] }
        guard let own = try await scores(request, [first], reference: nil).first ?? nil, let states = own.states else { return nil }
        let others = try await scores(request, Array(request.variants.dropFirst()), reference: states)
        let reference = TextScore(logprobs: own.logprobs, divergence: own.logprobs.map { _ in 0 }, states: states)
        let all = [reference] + others.compactMap { $0 }
        return all.count == request.variants.count ? all : nil
    }

    private func scores(
        _ request: ScoreRequest, _ variants: [AdapterSet], reference: ReferenceStates?
    ) async throws(EngineError) -> [TextScore?] {
        let streams = try submit(
            together: variants.map { adapters in
                var each = GenerationRequest(
                    id: request.id, prompt: request.prompt + request.answer, adapters: adapters, stop: StopConditions(maxTokens: 0))
                each.scoring = Scoring(from: request.prompt.count, reference: reference)
                each.promptLogprobs = request.top
                each.client = request.client
                return each
            })
        var scores: [TextScore?] = []
        for stream in streams {
            var score: TextScore?
            for await event in stream {
                switch event {
                case .prompt(let report): score = report.score
                case .failed(let error): throw error
                case .token, .finished: break
                }
            }
            scores.append(score)
        }
        return scores
    }
}
