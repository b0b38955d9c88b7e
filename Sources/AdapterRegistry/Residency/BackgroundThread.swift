import Foundation
import Synchronization
import Tensors

/// A thread, with a pool of its own, that runs pieces of work one after the other at a low priority: where a processor is short, what
/// decodes goes first, and a load takes what is left.
final class BackgroundThread: Sendable {
    typealias Work = @Sendable (WorkerPool) -> Void

    /// What the thread holds: not its owner, so that the owner can end.
    private final class Queue: Sendable {
        private let waiting = Mutex<[Work]?>([])
        private let count = DispatchSemaphore(value: 0)

        func add(_ work: @escaping Work) {
            waiting.withLock { $0?.append(work) }
            count.signal()
        }

        func end() {
            waiting.withLock { $0 = nil }
            count.signal()
        }

        /// Waits for it; nil at the end.
        func next() -> Work? {
            count.wait()
            return waiting.withLock { $0?.removeFirst() }
        }
    }

    private static let niceness: Int32 = 5
    private let queue = Queue()

    /// - Parameter threads: of the pool, this one included.
    init(_ name: String, threads: Int) {
        let thread = Thread { [queue] in
            // Of this thread alone, on Linux; threads it starts inherit it.
            #if os(Linux)
                _ = nice(Self.niceness)
            #endif
            let pool = WorkerPool(threads: threads)
            while let work = queue.next() { work(pool) }
        }
        thread.name = name
        thread.start()
    }

    deinit { queue.end() }

    func add(_ work: @escaping Work) { queue.add(work) }

    /// Waits for the work without holding a thread.
    func run<T: Sendable>(_ work: @escaping @Sendable (WorkerPool) -> T) async -> T {
        await withCheckedContinuation { continuation in
            add { pool in continuation.resume(returning: work(pool)) }
        }
    }
}
