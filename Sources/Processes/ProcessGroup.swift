// Processes: those that compute one thing together, and Open MPI, which connects them.
// It knows nothing about what they compute.

import Foundation

/// Why processes that were started together cannot work together.
package enum ProcessGroupError: Error, Equatable, CustomStringConvertible {
    case notLoaded(reason: String)
    case otherMPI(launcher: String)

    package var description: String {
        switch self {
        case .notLoaded(let reason):
            "started as one of several processes, but Open MPI cannot be loaded: \(reason); on Debian install openmpi-bin on every machine"
        case .otherMPI(let launcher):
            "started as one of several processes by \(launcher), but Open MPI is needed: start them with its mpirun (on Debian in openmpi-bin)"
        }
    }
}

/// The processes that compute one thing together. A process alone is a group of one, to which every exchange is no work at all: nobody else
/// needs to ask whether there are more.
///
/// Exchanges are collective: every process makes the same ones in the same order, all from the thread that joined, and waits for the others.
/// Sums have the same bits in all processes.
package final class ProcessGroup {
    /// From 0.
    package let rank: Int
    package let count: Int
    /// How many of them run on this machine.
    package private(set) var countHere = 1
    private let mpi: OpenMPI?

    /// Whether this is the one process that reads and writes the run's files and speaks to people.
    package var leads: Bool { rank == 0 }

    /// A process alone.
    package init() { (rank, count, mpi) = (0, 1, nil) }

    /// The processes that this one was started with. Once a process.
    /// - Throws: `ProcessGroupError`.
    package static func join(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ProcessGroupError) -> ProcessGroup {
        switch ProcessLauncher(environment: environment) {
        case .none: return ProcessGroup()
        case .other(let name): throw .otherMPI(launcher: name)
        case .openMPI: return ProcessGroup(try OpenMPI())
        }
    }

    private init(_ mpi: OpenMPI) {
        (rank, count, self.mpi) = (mpi.rank, mpi.count, mpi)
        let host = Self.hostNumber()
        countHere = gather(host).count { $0 == host }
    }

    /// This process's part of `total` things in order. Parts differ by one at most.
    package func share(of total: Int) -> Range<Int> { total * rank / count..<total * (rank + 1) / count }

    /// Every process's values become the sum of all processes'.
    package func sum(_ values: UnsafeMutablePointer<Float>, count: Int) { mpi?.sum(values, count: count) }

    package func sum(_ values: inout [Double]) {
        values.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { mpi?.sum(base, count: buffer.count) }
        }
    }

    /// Whether it holds in any process.
    package func anywhere(_ holds: Bool) -> Bool { gather(holds ? 1 : 0).contains(1) }

    /// The numbers of all processes by rank. They are below 2^53.
    package func gather(_ own: Int) -> [Int] {
        var numbers = [Double](repeating: 0, count: count)
        numbers[rank] = Double(own)
        sum(&numbers)
        return numbers.map { Int($0) }
    }

    /// Every process gets the bytes that `root` has.
    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int = 0) { mpi?.broadcast(bytes, from: root) }

    package func broadcast<Element: BitwiseCopyable>(_ values: UnsafeMutableBufferPointer<Element>) {
        broadcast(UnsafeMutableRawBufferPointer(values))
    }

    /// The first process's bytes.
    package func broadcast(_ bytes: [UInt8]) -> [UInt8] {
        var all = [UInt8](repeating: 0, count: gather(bytes.count)[0])
        if leads { all = bytes }
        all.withUnsafeMutableBytes { broadcast($0) }
        return all
    }

    /// Fills `[rows, width]`, of which each process has written its own rows: those of process 0 first. By broadcasts, which move no more than
    /// an all-gather does and know no limit of 2^31 elements.
    /// - Parameter rows: of each process.
    package func gather<Element: BitwiseCopyable>(_ matrix: UnsafeMutablePointer<Element>, rows: [Int], width: Int) {
        var first = 0
        for root in 0..<count {
            broadcast(
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: matrix + first * width, count: rows[root] * width)),
                from: root)
            first += rows[root]
        }
    }

    /// Says that this process needs no more exchanges; waits until none does.
    package func leave() { mpi?.leave() }

    /// Ends all processes.
    package func abort(status: Int32) -> Never {
        mpi?.abort(status: status)
        exit(status)
    }

    /// A number for the machine's name (FNV-1a), as far as `gather` carries it.
    private static func hostNumber() -> Int {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let hash = name.prefix { $0 != 0 }.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
            ($0 ^ UInt64(UInt8(bitPattern: $1))) &* 0x100_0000_01B3
        }
        return Int(hash >> 12)
    }
}

/// What started this process, by what that left in the environment.
package enum ProcessLauncher: Equatable, Sendable {
    /// Nothing that starts several.
    case none
    /// Open MPI's mpirun with more than one process, or another that offers it PMIx.
    case openMPI
    /// The launcher of another MPI, with more than one process.
    case other(name: String)

    package init(environment: [String: String]) {
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        if let size = number("OMPI_COMM_WORLD_SIZE") {
            self = size > 1 ? .openMPI : .none
        } else if environment["PMIX_RANK"] != nil {
            // Slurm says how many; a launcher that does not is asked through MPI.
            self = number("SLURM_STEP_NUM_TASKS") == 1 ? .none : .openMPI
        } else if let size = number("MV2_COMM_WORLD_SIZE"), size > 1 {
            self = .other(name: "MVAPICH")
        } else if let size = number("PMI_SIZE"), size > 1 {
            self = .other(name: "MPICH, Intel MPI or another that speaks PMI")
        } else {
            self = .none
        }
    }
}
