/// A latency that an answer should stay within. Goodput counts the answers that meet all objectives.
package struct Objective: Sendable, Equatable {
    package enum Metric: String, Sendable, CaseIterable {
        case ttft, tpot, e2e
    }

    package let metric: Metric
    package let limit: Duration

    package init(_ metric: Metric, within limit: Duration) {
        self.metric = metric
        self.limit = limit
    }

    /// Reads `ttft=500ms`.
    /// - Throws: `LoadTestError.invalidSetting`.
    package init(parsing text: String) throws(LoadTestError) {
        let sides = text.split(separator: "=", maxSplits: 1).map { String($0.trimmingBlanks()) }
        guard sides.count == 2, let metric = Metric(rawValue: sides[0].lowercased()) else {
            throw .invalidSetting(
                "the objective '\(text)' names no latency; wanted one of \(Metric.allCases.map { "\($0.rawValue)=500ms" }.joined(separator: ", "))"
            )
        }
        guard let limit = TimeText.parse(sides[1]) else {
            throw .invalidSetting("the objective '\(text)' has the limit '\(sides[1])', but must be a time such as 500ms or 2s")
        }
        self.init(metric, within: limit)
    }

    /// An answer of one token has no time per output token and one of none has no first token: it meets what cannot be measured on it,
    /// except that it had to end in time to show that.
    package func isMet(by latencies: AnswerLatencies) -> Bool {
        switch metric {
        case .ttft: (latencies.timeToFirstToken ?? latencies.endToEnd) <= limit
        case .tpot: (latencies.timePerOutputToken ?? .zero) <= limit
        case .e2e: latencies.endToEnd <= limit
        }
    }
}
