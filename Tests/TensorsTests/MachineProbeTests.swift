import Testing

@testable import Tensors

@Suite struct MachineProbeTests {
    /// Numbers of the right kind; how large they are is the machine's business.
    @Test(arguments: InstructionSet.available) func measures(_ tier: InstructionSet) {
        let probe = MachineProbe.measure(pool: WorkerPool(threads: 2, instructionSet: tier))
        #expect(probe.readGigabytesPerSecond > 0 && probe.readGigabytesPerSecond < 10_000)
        #expect(probe.f32GigaflopsPerSecond > 0 && probe.f32GigaflopsPerSecond < 1e6)
        #expect(probe.bf16GigaflopsPerSecond > 0 && probe.bf16GigaflopsPerSecond < 1e6)
    }

    @Test func knowsTheMachine() {
        #expect(!MachineProbe.blasCore.isEmpty && MachineProbe.processors >= 1)
        #expect(MachineProbe.memoryTotal > MachineProbe.memoryAvailable && MachineProbe.memoryAvailable > 0)
    }

    @Test func tiers() {
        #expect(InstructionSet.available.first == .scalar)
        #expect(InstructionSet.available.contains(WorkerPool(threads: 1).instructionSet))
        for tier in InstructionSet.available { #expect(InstructionSet.chosen(by: ["RESA_ISA": tier.rawValue]) == tier) }
        for environment in [[:], ["RESA_ISA": ""], ["RESA_ISA": "mmx"]] {
            #expect(InstructionSet.chosen(by: environment) == InstructionSet.available.last)
        }
    }
}
