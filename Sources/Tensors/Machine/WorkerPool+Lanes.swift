import Synchronization

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
