import Foundation

/// What a load test measured. As JSON, names are in snake case and figures that cannot be told are left out.
package struct Report: Encodable, Sendable {
    package let scenario: ScenarioSummary
    package let ending: RunEnding
    /// From the start of measuring to the end of the last answer.
    package let seconds: Double
    /// Where counts of generated tokens come from: `usage` (the server), `pieces` (one for each piece of text received), `both`, or `none`.
    package let tokensFrom: String
    package let all: GroupReport
    /// One for each entry of the adapter mix; empty when there is one only.
    package let adapters: [GroupReport]
    package let timeline: TimelineReport

    package init(scenario: ScenarioSummary, measurements: Measurements, adapters: AdapterMix, ending: RunEnding) {
        let seconds = (measurements.end - measurements.start).inSeconds
        self.scenario = scenario
        self.ending = ending
        self.seconds = Figure.rounded(seconds)
        tokensFrom =
            switch (measurements.countedByServer > 0, measurements.countedByPieces > 0) {
            case (true, true): "both"
            case (true, false): "usage"
            case (false, true): "pieces"
            case (false, false): "none"
            }
        all = GroupReport("all", measurements.all, objectives: measurements.objectives, seconds: seconds)
        self.adapters =
            adapters.entries.count == 1
            ? []
            : zip(adapters.entries, measurements.groups).map { entry, group in
                GroupReport(entry.label, group, objectives: measurements.objectives, seconds: seconds)
            }
        timeline = TimelineReport(measurements.timeline, seconds: seconds)
    }

    /// - Throws: `LoadTestError.allFailed` when not one request was answered although some ended.
    package func check() throws(LoadTestError) {
        guard all.completed == 0, all.failed > 0 else { return }
        let first = all.errors.first
        let example = first.map { "\($0.kind): \($0.example)" } ?? ""
        if let first, first.kind == "HTTP 401" || first.kind == "HTTP 403" {
            throw .unauthorised(url: scenario.url, message: first.example)
        }
        if let first, first.kind == "HTTP 404" { throw .unknownModel(scenario.model, message: first.example) }
        throw .allFailed(count: all.failed, example: example)
    }

    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

/// What was asked for, as the report repeats it.
package struct ScenarioSummary: Encodable, Sendable, Equatable {
    package var url: String
    package var endpoint: String
    package var model: String
    package var date: String
    package var arrivals: String
    package var maxInFlight: Int?
    package var maxRequests: Int?
    package var maxSeconds: Double?
    package var warmupRequests: Int
    package var prompts: String
    package var sharedPrefix: String?
    package var maxTokens: Int
    package var temperature: Double
    package var ignoresEndOfText: Bool
    package var streams: Bool
    package var seed: UInt64

    init(_ scenario: Scenario, root: String, model: String, prompts: PromptMaker, date: Date) {
        url = root
        endpoint = scenario.endpoint.rawValue
        self.model = model
        self.date = ISO8601DateFormatter().string(from: date)
        arrivals = scenario.arrivals.summary
        if case .closed = scenario.arrivals {} else { maxInFlight = scenario.maxInFlight }
        maxRequests = scenario.maxRequests
        maxSeconds = scenario.maxDuration?.inSeconds
        warmupRequests = scenario.warmupRequests
        let note = prompts.lengthNote.map { " (\($0))" } ?? ""
        self.prompts =
            switch scenario.prompts {
            case .text(let text): "one text of \(text.utf8.count) bytes"
            case .generated(let tokens): "\(tokens) random tokens\(note)"
            case .data(let rows): "\(rows.count) rows of a data set"
            }
        if scenario.prefixTokens > 0 { sharedPrefix = "\(scenario.prefixes) of \(scenario.prefixTokens) tokens\(note)" }
        maxTokens = scenario.maxTokens
        temperature = scenario.temperature
        ignoresEndOfText = scenario.ignoresEndOfText
        streams = scenario.streams
        seed = scenario.seed
    }
}

/// The figures of all requests, or of those with one adapter.
package struct GroupReport: Encodable, Sendable {
    package struct Failures: Encodable, Sendable {
        package let kind: String
        package let count: Int
        /// The message of the first.
        package let example: String
    }

    package struct Met: Encodable, Sendable {
        package let metric: String
        package let limitMs: Double
        /// Answers that stayed within the limit, over answers and failures.
        package let share: Double
    }

    package struct Goodput: Encodable, Sendable {
        /// Answers that met all objectives, over answers and failures.
        package let share: Double
        package let requestsPerSecond: Double
        package let objectives: [Met]
    }

    package let name: String
    package let completed, failed, interrupted, retries: Int
    package let promptTokens, outputTokens: Int
    package let requestsPerSecond, promptTokensPerSecond, outputTokensPerSecond: Double
    /// Prompt tokens found in the server's prefix cache, over the prompt tokens of the answers that tell.
    package let prefixHitShare: Double?
    package let ttft, tpot, interToken, e2e: LatencySummary?
    package let goodput: Goodput?
    /// Most frequent first.
    package let errors: [Failures]

    init(_ name: String, _ group: GroupMeasurements, objectives: [Objective], seconds: Double) {
        func rate(_ count: Int) -> Double { seconds > 0 ? Figure.rounded(Double(count) / seconds) : 0 }
        func share(_ count: Int) -> Double { Figure.rounded(Double(count) / Double(max(1, group.completed + group.failed))) }
        self.name = name
        (completed, failed, interrupted, retries) = (group.completed, group.failed, group.interrupted, group.retries)
        (promptTokens, outputTokens) = (group.promptTokens, group.outputTokens)
        requestsPerSecond = rate(group.completed)
        promptTokensPerSecond = rate(group.promptTokens)
        outputTokensPerSecond = rate(group.outputTokens)
        prefixHitShare = group.cached.map { Figure.rounded(Double($0) / Double(max(1, group.cacheable))) }
        (ttft, tpot) = (group.timeToFirstToken.summary, group.timePerOutputToken.summary)
        (interToken, e2e) = (group.interToken.summary, group.endToEnd.summary)
        goodput =
            objectives.isEmpty
            ? nil
            : Goodput(
                share: share(group.metAll), requestsPerSecond: rate(group.metAll),
                objectives: zip(objectives, group.metEach).map { objective, met in
                    Met(metric: objective.metric.rawValue, limitMs: objective.limit.inMilliseconds, share: share(met))
                })
        errors = group.failures.map { Failures(kind: $0.key.label, count: $0.value.count, example: $0.value.example) }
            .sorted { ($1.count, $0.kind) < ($0.count, $1.kind) }
    }
}

/// The run in intervals of equal length. The last one ends with the run; a rest of less than half an interval is added to the one before,
/// for rates over a moment say little.
package struct TimelineReport: Encodable, Sendable {
    package let secondsPerPoint: Double
    package let requestsPerSecond: [Double]
    package let outputTokensPerSecond: [Double]

    init(_ timeline: Timeline, seconds: Double) {
        secondsPerPoint = timeline.secondsPerPoint
        func rates(_ values: [Double]) -> [Double] {
            let interval = timeline.secondsPerPoint
            var values = values
            if values.count > 1, seconds - Double(values.count - 1) * interval < interval / 2 {
                values[values.count - 2] += values.removeLast()
            }
            return values.enumerated().map { index, value in
                let length = index < values.count - 1 ? interval : max(seconds - Double(index) * interval, 1e-3)
                return Figure.rounded(value / length)
            }
        }
        requestsPerSecond = rates(timeline.answers.map(Double.init))
        outputTokensPerSecond = rates(timeline.tokens)
    }
}

enum Figure {
    /// To a thousandth: finer digits of a measurement say nothing.
    static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
