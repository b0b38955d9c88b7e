import Foundation
import Synchronization

/// What the threads of one pull share: how far it is, and whether to stop.
final class PullControl: Sendable {
    private struct State {
        var progress = PullProgress()
        var failure: PullError?
        var isStopped = false
    }

    private let state = Mutex(State())

    var isStopped: Bool { state.withLock { $0.isStopped } }
    var progress: PullProgress { state.withLock { $0.progress } }
    var failure: PullError? { state.withLock { $0.failure } }

    func cancel() { fail(.cancelled) }

    /// The first failure counts; what others meet because they were stopped does not.
    func fail(_ error: PullError) {
        state.withLock { state in
            if state.failure == nil { state.failure = error }
            state.isStopped = true
        }
    }

    func update(_ change: (inout PullProgress) -> Void) { state.withLock { change(&$0.progress) } }

    /// Sleeps, but not on when the pull stops.
    func wait(seconds: Double) throws(AttemptFailure) {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if isStopped { throw .final(.cancelled) }
            let left = (end - ContinuousClock.now) / .milliseconds(1)
            usleep(UInt32(1000 * min(max(left, 1), 50)))
        }
    }
}

/// How far a pull is.
package struct PullProgress: Sendable, Equatable {
    package var files = 0
    package var filesDone = 0
    /// Bytes that are on this machine, those found there from the beginning included.
    package var bytes = 0
    /// Bytes that did not have to be fetched.
    package var bytesFound = 0
    private var knownBytes = 0
    private var unknownFiles = 0
    /// All of it; nil as long as a server has not told the size of some file.
    package var totalBytes: Int? { unknownFiles == 0 && files > 0 ? knownBytes : nil }

    /// More files to come.
    mutating func add(sizes: [Int?]) {
        files += sizes.count
        for size in sizes {
            if let size { knownBytes += size } else { unknownFiles += 1 }
        }
    }

    mutating func learn(size: Int) {
        unknownFiles -= 1
        knownBytes += size
    }
}
