import Kernels
import Synchronization

/// A fixed set of threads that run the tasks of one loop at a time. The caller takes part; idle workers spin for about 50 microseconds
/// and then sleep, so an idle pool uses no CPU. Tasks are handed out by a shared counter: which thread runs a task is not fixed, so a task
/// must compute the same whatever the thread.
package final class WorkerPool: Sendable {
    /// Threads that work, the caller included.
    package let threads: Int
    /// The kernels that everything run on this pool uses.
    package let instructionSet: InstructionSet
    /// The tier's functions. Invariant: a constant of the C side, never written.
    nonisolated(unsafe) let kernels: UnsafePointer<resa_kernels>
    /// Invariant: created in init, destroyed in deinit; the C side synchronises everything behind it.
    private nonisolated(unsafe) let pool: OpaquePointer

    /// `threads` is clamped to at least 1; fewer start when the system refuses more.
    /// - Parameter instructionSet: left out, the best tier of this CPU, or the one that the environment's `RESA_ISA` names.
    package init(threads: Int, instructionSet: InstructionSet? = nil) {
        let instructionSet = instructionSet ?? .preferred
        guard let pool = resa_pool_create(threads) else { fatalError("out of memory: worker pool") }
        self.pool = pool
        self.threads = resa_pool_threads(pool)
        self.instructionSet = instructionSet
        kernels = instructionSet.kernels
    }

    deinit { resa_pool_destroy(pool) }

    /// Runs `body` for every task in 0..<count, on any of the threads; returns when all are done. One caller at a time.
    package func parallel(_ count: Int, _ body: (_ task: Int) -> Void) {
        precondition(runClosure(pool, count, body), "WorkerPool.parallel: called while another call is under way on the same pool")
    }
}

/// `resa_pool_run` over a closure: no allocation, as the closure does not escape. Defined in pool.c in Swift's calling convention.
@_silgen_name("resa_pool_run_closure")
private func runClosure(_ pool: OpaquePointer, _ count: Int, _ body: (Int) -> Void) -> Bool

extension WorkerPool {
    /// Runs `body` for every task in 0..<count. `lane`, below `threads`, is shared with no task that runs at the same time: it picks scratch.
    package func parallelLanes(_ count: Int, _ body: (_ task: Int, _ lane: Int) -> Void) {
        let next = Atomic<Int>(0)
        parallel(min(count, threads)) { lane in
            while true {
                let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if task >= count { return }
                body(task, lane)
            }
        }
    }

    /// Runs `body` for every row, in constant portions.
    package func rows(_ count: Int, _ body: (_ row: Int) -> Void) {
        let portion = 16
        parallel((count + portion - 1) / portion) { task in
            for row in task * portion..<min(count, (task + 1) * portion) { body(row) }
        }
    }
}
