import ArgumentParser
import Foundation
import Processes
import Tensors
import Terminal

/// Runs a verb in all the processes that mpirun started, or in this one alone.
enum ProcessRun {
    /// What fails everywhere is told by the first process, which is given so long to do it.
    private static let turn: UInt32 = 5

    /// - Parameter body: computes with the group; an `ExitCode` it throws is how all of its processes end.
    /// - Throws: `ProcessGroupError`, and what `body` throws. Where there are several processes, an error in one ends all.
    static func run<Verb: ParsableCommand>(_ verb: Verb.Type, _ body: (ProcessGroup) throws -> Void) throws {
        let group = try ProcessGroup.join()
        if !group.leads { Console.silence() }
        do {
            try body(group)
        } catch let code as ExitCode {
            group.leave()
            throw code
        } catch  where group.count > 1 {
            if !group.leads { wait() }
            Console.tell(verb.fullMessage(for: error), always: true)
            group.abort(status: verb.exitCode(for: error).rawValue)
        }
        group.leave()
    }

    /// Signals shorten a sleep, among them the one by which the first process ends this one.
    private static func wait() {
        var left = turn
        while left > 0 { left = sleep(left) }
    }
}

extension ProcessGroup {
    /// The threads of this process: as many as asked for, or its share of the processors that it may run on.
    func makePool(threads: Int?) -> WorkerPool {
        let pool = WorkerPool(threads: threads ?? max(1, MachineProbe.processors / countHere))
        if count > 1 { Console.note("resa: \(count) processes, \(countHere) of them on this machine; threads of each: \(pool.threads)\n") }
        return pool
    }
}
