import Foundation
import Synchronization
import Tensors
import TestRandomness
import Testing

@Suite struct WorkerPoolTests {
    /// Every task exactly once, over many short jobs with pauses between: longer than the spin, shorter, none.
    @Test(arguments: [1, 2, 3, 8]) func everyTaskOnce(_ threads: Int) {
        var random = SeededRandom()
        let pool = WorkerPool(threads: threads)
        #expect(pool.threads == threads)
        let counters = AlignedBuffer<UInt32>(count: 1000)
        let base = counters.pointer
        for job in 0..<3000 {
            let count = [0, 1, 2, 3, threads, 64, 1000].randomElement(using: &random)!
            counters.buffer.update(repeating: 0)
            pool.parallel(count) { task in base[task] += 1 }
            #expect(counters.buffer.prefix(count).allSatisfy { $0 == 1 } && counters.buffer.dropFirst(count).allSatisfy { $0 == 0 })
            if job % 100 == 0 { usleep(UInt32.random(in: 0...300, using: &random)) }
        }
    }

    /// A job's writes are visible after it, and a later job sees an earlier one's.
    @Test func jobsAreOrdered() {
        let pool = WorkerPool(threads: 4)
        let cells = AlignedBuffer<Int>(count: 64)
        let base = cells.pointer
        for job in 0..<5000 {
            pool.parallel(64) { task in base[task] = base[(task + 0) % 64] + 1 }
            #expect(cells.buffer.allSatisfy { $0 == job + 1 })
        }
    }

    /// Tasks of uneven length, so that the caller has to wait for workers, and workers for the caller.
    @Test func unevenTasks() {
        let pool = WorkerPool(threads: 3)
        let ran = Atomic<Int>(0)
        for job in 0..<30 {
            pool.parallel(5) { task in
                usleep(UInt32((task * 7 + job) % 5 * 150))
                ran.add(1, ordering: .relaxed)
            }
        }
        #expect(ran.load(ordering: .relaxed) == 150)
    }

    /// Pools made, used and dropped at once, from several threads: no deadlock at shutdown, also when workers have not yet woken.
    @Test func comeAndGo() async {
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var sum = 0
                    for round in 0..<50 {
                        let pool = WorkerPool(threads: 1 + round % 4)
                        let total = Atomic<Int>(0)
                        if round % 3 > 0 { pool.parallel(round) { task in total.add(task, ordering: .relaxed) } }
                        sum += total.load(ordering: .relaxed)
                    }
                    return sum
                }
            }
            for await sum in group { #expect(sum == (0..<50).filter { $0 % 3 > 0 }.reduce(0) { $0 + $1 * ($1 - 1) / 2 }) }
        }
    }

    /// The threads of an idle pool take no processor time: their own clocks stand still.
    @Test func idleTakesNoTime() {
        let pool = WorkerPool(threads: 4)
        let seen = Mutex<Set<String>>([])
        // Nobody goes on before another has come.
        pool.parallel(2) { _ in
            _ = seen.withLock { $0.insert(currentThread()) }
            while seen.withLock({ $0.count }) < 2 { usleep(1000) }
        }
        let workers = seen.withLock { $0 }.subtracting([currentThread()])
        #expect(!workers.isEmpty)
        usleep(50_000)
        let before = workers.map(processorTime)
        usleep(400_000)
        // Spinning all the time would have cost about 400 ms, in clock ticks of 10 ms.
        for (worker, before) in zip(workers, before) { #expect(processorTime(worker) - before <= 1) }
    }

    /// The calling thread's place below /proc.
    private func currentThread() -> String { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? "" }

    /// User and system time of one of this process's threads, in clock ticks.
    private func processorTime(_ thread: String) -> Int {
        let stat = (try? String(contentsOfFile: "/proc/\(thread)/stat", encoding: .utf8)) ?? ""
        let fields = stat.drop { $0 != ")" }.split(separator: " ")
        return fields.count > 13 ? (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0) : 0
    }
}
