/// What became of one request.
package struct RequestRecord: Sendable {
    package enum Outcome: Sendable {
        case answered(Answer)
        case failed(RequestFailure)
        /// The test was ended while the answer ran; the pieces of text so far.
        case interrupted(pieces: Int)
    }

    /// Which entry of the adapter mix it belongs to.
    package let group: Int
    /// When it was due (open loop) or first sent (closed loop): latencies count from here.
    package let start: ContinuousClock.Instant
    package let end: ContinuousClock.Instant
    package let retries: Int
    package let outcome: Outcome

    package init(group: Int, start: ContinuousClock.Instant, end: ContinuousClock.Instant, retries: Int = 0, outcome: Outcome) {
        self.group = group
        self.start = start
        self.end = end
        self.retries = retries
        self.outcome = outcome
    }
}

/// Sums and histograms over the requests of one group.
struct GroupMeasurements: Sendable {
    var completed = 0
    var failed = 0
    var interrupted = 0
    var retries = 0
    var promptTokens = 0
    var outputTokens = 0
    /// Prompt tokens of answers that say how many of them were cached, and how many were.
    var cacheable = 0
    var cached: Int?
    var timeToFirstToken = LatencyHistogram()
    var timePerOutputToken = LatencyHistogram()
    var interToken = LatencyHistogram()
    var endToEnd = LatencyHistogram()
    var metEach: [Int]
    var metAll = 0
    /// How often each kind of failure came, and the first one's message.
    var failures: [RequestFailure.Kind: (count: Int, example: String)] = [:]

    init(objectives: Int) { metEach = Array(repeating: 0, count: objectives) }

    mutating func add(_ record: RequestRecord, objectives: [Objective]) {
        retries += record.retries
        switch record.outcome {
        case .answered(let answer): add(answer, since: record.start, objectives)
        case .failed(let failure):
            failed += 1
            failures[failure.kind, default: (0, failure.message)].count += 1
        case .interrupted(let pieces):
            interrupted += 1
            outputTokens += pieces
        }
    }

    private mutating func add(_ answer: Answer, since start: ContinuousClock.Instant, _ objectives: [Objective]) {
        completed += 1
        promptTokens += answer.usage?.prompt ?? 0
        outputTokens += answer.outputTokens
        if let usage = answer.usage, let hits = usage.cachedPrompt {
            cacheable += usage.prompt
            cached = (cached ?? 0) + hits
        }
        let latencies = answer.latencies(since: start)
        endToEnd.record(latencies.endToEnd)
        if let time = latencies.timeToFirstToken { timeToFirstToken.record(time) }
        if let time = latencies.timePerOutputToken { timePerOutputToken.record(time) }
        for (earlier, later) in zip(answer.textTimes, answer.textTimes.dropFirst()) { interToken.record(later - earlier) }
        var meetsAll = true
        for (index, objective) in objectives.enumerated() {
            if objective.isMet(by: latencies) { metEach[index] += 1 } else { meetsAll = false }
        }
        if meetsAll { metAll += 1 }
    }
}

/// Everything measured in a run. A request leaves nothing behind but its part in sums and histograms.
package struct Measurements: Sendable {
    let objectives: [Objective]
    var all: GroupMeasurements
    var groups: [GroupMeasurements]
    var timeline = Timeline()
    /// Answers whose tokens the server counted, and those whose pieces of text were counted instead.
    var countedByServer = 0
    var countedByPieces = 0
    let start: ContinuousClock.Instant
    private(set) var end: ContinuousClock.Instant

    /// - Parameter start: when measuring began.
    package init(groups: Int, objectives: [Objective], start: ContinuousClock.Instant) {
        self.objectives = objectives
        self.start = start
        end = start
        all = GroupMeasurements(objectives: objectives.count)
        self.groups = Array(repeating: all, count: groups)
    }

    package mutating func add(_ record: RequestRecord) {
        all.add(record, objectives: objectives)
        // With a single group the report needs no second account of it.
        if groups.count > 1 { groups[record.group].add(record, objectives: objectives) }
        end = max(end, record.end)
        switch record.outcome {
        case .answered(let answer):
            if answer.usage == nil { countedByPieces += 1 } else { countedByServer += 1 }
            timeline.add(second: second(record.end), answers: 1)
            let tokens = Double(answer.outputTokens)
            if answer.textTimes.isEmpty { timeline.add(second: second(record.end), tokens: tokens) }
            for time in answer.textTimes { timeline.add(second: second(time), tokens: tokens / Double(answer.textTimes.count)) }
        case .interrupted(let pieces):
            timeline.add(second: second(record.end), tokens: Double(pieces))
        case .failed: break
        }
    }

    private func second(_ time: ContinuousClock.Instant) -> Double { (time - start).inSeconds }
}
