import Processes
import Testing

/// What can be said of process groups without a second process; Tests/Clients/test_mpirun.py has more.
@Suite struct ProcessGroupTests {
    @Test func launchersAreTold() {
        let cases: [([String: String], ProcessLauncher)] = [
            ([:], .none),
            (["OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "0"], .openMPI),
            (["OMPI_COMM_WORLD_SIZE": "1", "PMIX_RANK": "0"], .none),
            (["PMIX_RANK": "3"], .openMPI),
            (["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "1"], .none),
            (["PMI_RANK": "0", "PMI_SIZE": "1"], .none),
            (["PMI_RANK": "0", "PMI_SIZE": "4"], .other(name: "MPICH, Intel MPI or another that speaks PMI")),
            (["MV2_COMM_WORLD_SIZE": "2", "PMI_SIZE": "2"], .other(name: "MVAPICH")),
        ]
        for (environment, wanted) in cases { #expect(ProcessLauncher(environment: environment) == wanted, "\(environment)") }
    }

    @Test func anotherMPIIsRefused() {
        #expect(throws: ProcessGroupError.otherMPI(launcher: "MVAPICH")) {
            try ProcessGroup.join(environment: ["MV2_COMM_WORLD_SIZE": "2"])
        }
    }

    @Test func aloneExchangesChangeNothing() throws {
        let group = try ProcessGroup.join(environment: [:])
        #expect(group.leads && group.count == 1 && group.countHere == 1)
        #expect(group.share(of: 7) == 0..<7)
        #expect(group.gather(5) == [5] && group.broadcast([1, 2]) == [1, 2])
        #expect(group.anywhere(true) && !group.anywhere(false))
        var values = [1.5, -2]
        group.sum(&values)
        #expect(values == [1.5, -2])
        group.leave()
    }
}
