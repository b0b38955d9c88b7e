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
        let perToken: Duration? =
            if let firstToken, let lastToken, tokens > 1 { (lastToken - firstToken) / (tokens - 1) } else { nil }
        metrics.finished(usage, firstToken: firstToken.map { $0 - start }, perToken: perToken)
    }
}
