import Curl
import Synchronization

/// Why a run sent no more requests.
package enum RunEnding: String, Sendable, Encodable {
    case complete
    /// The task was cancelled.
    case interrupted
    /// Too many requests failed in a row.
    case gaveUp = "gave_up"
}

/// Sends the requests of one phase (warm-up, or what is measured) when they are due, and collects what becomes of them.
final class RequestLoop: Sendable {
    private struct State {
        var nextIndex: Int
        var failuresInARow = 0
        var answered = 0
        var failed = 0
        var measurements: Measurements
        var ending = RunEnding.complete
    }

    private let scenario: Scenario
    private let planner: RequestPlanner
    private let client: CurlClient
    private let url: String
    private let live = LiveCounters()
    private let state: Mutex<State>
    private let start: ContinuousClock.Instant
    private let firstIndex: Int
    private let maxRequests: Int?
    private let maxDuration: Duration?
    /// What a client of a closed loop waits after a failure, so that a server that refuses everything is not flooded.
    private static let pauseAfterFailure = Duration.milliseconds(100)

    init(
        scenario: Scenario, planner: RequestPlanner, client: CurlClient, url: String, firstIndex: Int = 0, maxRequests: Int?,
        maxDuration: Duration?
    ) {
        self.scenario = scenario
        self.planner = planner
        self.client = client
        self.url = url
        self.firstIndex = firstIndex
        self.maxRequests = maxRequests
        self.maxDuration = maxDuration
        start = .now
        state = Mutex(
            State(
                nextIndex: firstIndex,
                measurements: Measurements(groups: scenario.adapters.entries.count, objectives: scenario.objectives, start: start)))
    }

    /// Returns when the last answer has ended; soon after the task is cancelled.
    func run() async -> (measurements: Measurements, ending: RunEnding) {
        if let schedule = ArrivalSchedule(scenario.arrivals, seed: scenario.seed) {
            await runOpen(schedule)
        } else if case .closed(let clients) = scenario.arrivals {
            await runClosed(clients: min(clients, maxRequests ?? clients))
        }
        return state.withLock { state in
            (state.measurements, Task.isCancelled ? .interrupted : state.ending)
        }
    }

    func progress(_ phase: RunProgress.Phase) -> RunProgress {
        let (answered, failed) = state.withLock { ($0.answered, $0.failed) }
        return RunProgress(
            phase: phase, answered: answered, failed: failed, inFlight: live.inFlight, maxRequests: maxRequests,
            elapsed: (ContinuousClock.now - start).inSeconds, maxSeconds: maxDuration?.inSeconds, pieces: live.pieces)
    }

    private func runClosed(clients: Int) async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<clients {
                group.addTask {
                    while let index = self.claim() {
                        let succeeded = await self.perform(index, due: nil)
                        if !succeeded { await self.sleep(until: .now + Self.pauseAfterFailure) }
                    }
                }
            }
        }
    }

    private func runOpen(_ schedule: ArrivalSchedule) async {
        let (slots, freeSlot) = AsyncStream<Void>.makeStream()
        for _ in 0..<(scenario.maxInFlight ?? 0) { freeSlot.yield() }
        await withDiscardingTaskGroup { group in
            var waiting = slots.makeAsyncIterator()
            for offset in schedule {
                if let maxDuration, offset > maxDuration { break }
                await self.sleep(until: self.start + offset)
                guard let index = self.claim() else { break }
                if self.scenario.maxInFlight != nil { await waiting.next() }
                group.addTask {
                    _ = await self.perform(index, due: self.start + offset)
                    if self.scenario.maxInFlight != nil { freeSlot.yield() }
                }
            }
        }
    }

    /// The number of the next request; nil when no more may be sent.
    private func claim() -> Int? {
        if Task.isCancelled { return nil }
        if let maxDuration, ContinuousClock.now - start >= maxDuration { return nil }
        return state.withLock { state in
            guard state.ending == .complete, state.nextIndex - firstIndex < maxRequests ?? .max else { return nil }
            defer { state.nextIndex += 1 }
            return state.nextIndex
        }
    }

    /// - Returns: whether the answer came whole.
    private func perform(_ index: Int, due: ContinuousClock.Instant?) async -> Bool {
        let planned = planner.request(at: index)
        live.countRunning(1)
        defer { live.countRunning(-1) }
        let start = due ?? .now
        var retries = 0
        while true {
            let outcome = await attempt(planned)
            if case .failed(let failure) = outcome, failure.kind == .status(429), retries < scenario.retries, !Task.isCancelled {
                await sleep(until: .now + waitBeforeRetry(retries, failure.retryAfter))
                retries += 1
                continue
            }
            return record(RequestRecord(group: planned.group, start: start, end: .now, retries: retries, outcome: outcome))
        }
    }

    /// What the server asks for, else half a second that doubles with every attempt.
    private func waitBeforeRetry(_ retries: Int, _ retryAfter: Double?) -> Duration {
        let seconds = retryAfter ?? 0.5 * Double(1 << min(retries, 16))
        return min(.seconds(min(seconds, 1e9)), scenario.maxRetryWait)
    }

    private func attempt(_ planned: PlannedRequest) async -> RequestRecord.Outcome {
        let exchange = Exchange(live: live)
        let request = CurlRequest("POST", url, headers: planned.headers, body: planned.body, timeout: scenario.timeout)
        do {
            try await client.send(request, to: exchange)
        } catch {
            return Task.isCancelled ? .interrupted(pieces: exchange.pieces) : .failed(exchange.failure(for: error))
        }
        switch exchange.result {
        case .success(let answer)?: return .answered(answer)
        case .failure(let failure)?: return .failed(failure)
        case nil: return .failed(RequestFailure(.connection, "there is no answer"))
        }
    }

    private func record(_ record: RequestRecord) -> Bool {
        state.withLock { state in
            state.measurements.add(record)
            switch record.outcome {
            case .answered:
                state.answered += 1
                state.failuresInARow = 0
                return true
            case .failed:
                state.failed += 1
                state.failuresInARow += 1
                if scenario.failuresInARow > 0, state.failuresInARow >= scenario.failuresInARow { state.ending = .gaveUp }
                return false
            case .interrupted: return false
            }
        }
    }

    /// Returns early when the task is cancelled.
    private func sleep(until time: ContinuousClock.Instant) async {
        try? await Task.sleep(until: time, tolerance: .zero, clock: .continuous)
    }
}
