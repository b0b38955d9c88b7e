import Engine

/// Follows one request's events for the metrics, and knows when all choices have ended.
struct GenerationProgress {
    private let metrics: ServerMetrics
    private var choicesLeft: Int
    private let start = ContinuousClock.now
    private var firstToken: ContinuousClock.Instant?
    private var lastToken: ContinuousClock.Instant?
    private var tokens = 0

    init(choices: Int, metrics: ServerMetrics) {
        choicesLeft = choices
        self.metrics = metrics
    }

    var isComplete: Bool { choicesLeft == 0 }

    mutating func take(_ event: GenerationEvent) {
        switch event {
        case .token:
            let now = ContinuousClock.now
            tokens += 1
            lastToken = now
            if firstToken == nil { firstToken = now }
        case .finished: choicesLeft -= 1
        case .prompt, .failed: break
        }
    }

    func record(_ usage: Usage) {
        let first = firstToken.map { ($0 - start).seconds }
        let perToken: Double? =
            if let firstToken, let lastToken, tokens > 1 { (lastToken - firstToken).seconds / Double(tokens - 1) } else { nil }
        metrics.update {
            $0.promptTokens += usage.promptTokens
            $0.cachedPromptTokens += usage.cachedTokens
            $0.completionTokens += usage.completionTokens
            if let first { $0.timeToFirstToken.observe(first) }
            if let perToken { $0.timePerOutputToken.observe(perToken) }
        }
    }
}
