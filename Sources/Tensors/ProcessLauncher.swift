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
