import Foundation
import Synchronization

/// Threads of their own for work that takes long: reading large bodies, rendering and tokenising them, building large answers. Swift's own
/// threads are few and serve everybody; what runs there must be short.
///
/// A lane is an executor that tasks prefer, so that a whole route runs on it without knowing. Its threads yield to those that decode.
final class WorkLane: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var first = 0
        var isStarted = false
    }

    private static let niceness: Int32 = 5
    private static let stackBytes = 4 << 20
    private let name: String
    private let threads: Int
    private let state = Mutex(State())
    private let count = DispatchSemaphore(value: 0)

    init(_ name: String, threads: Int) {
        (self.name, self.threads) = (name, threads)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            state.jobs.append(job)
            return !state.isStarted
        }
        if isFirst { start() }
        count.signal()
    }

    /// Lets the threads end once nothing waits any more.
    func end() {
        for _ in 0..<threads { count.signal() }
    }

    private func start() {
        for number in 0..<threads {
            let thread = Thread { [self] in
                #if os(Linux)
                    _ = nice(Self.niceness)
                #endif
                while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
            }
            thread.name = "\(name).\(number)"
            thread.stackSize = Self.stackBytes
            thread.start()
        }
    }

    /// Waits for it; nil at the end.
    private func next() -> UnownedJob? {
        count.wait()
        return state.withLock { state in
            guard state.first < state.jobs.count else { return nil }
            let job = state.jobs[state.first]
            state.first += 1
            if state.first == state.jobs.count {
                state.jobs.removeAll(keepingCapacity: true)
                state.first = 0
            }
            return job
        }
    }
}

/// The lanes of one server. Work of some length never stands behind work of great length.
final class WorkLanes: Sendable {
    /// Bytes that are read faster than threads are changed.
    static let instantBytes = 8 << 10
    static let mediumBytes = 256 << 10

    private let medium: WorkLane
    private let long: WorkLane

    init(threads: Int) {
        medium = WorkLane("resa.medium", threads: threads)
        long = WorkLane("resa.long", threads: threads)
    }

    deinit {
        medium.end()
        long.end()
    }

    /// Runs work over so many bytes where it holds nobody up.
    func run<Result>(_ bytes: Int, _ work: () async throws -> Result) async throws -> Result {
        guard bytes > Self.instantBytes else { return try await work() }
        return try await withTaskExecutorPreference(bytes > Self.mediumBytes ? long : medium) { try await work() }
    }
}
