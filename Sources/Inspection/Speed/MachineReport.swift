import Foundation
import Tensors

/// What a machine offers, measured now.
package struct MachineReport: Encodable {
    package let processor: String?
    package let processors: Int
    package let threads: Int
    package let instructionSet: String
    package let availableInstructionSets: [String]
    package let blasCore: String
    package let memoryTotalBytes: Int
    package let memoryAvailableBytes: Int
    package let readGigabytesPerSecond: Double
    package let f32GigaflopsPerSecond: Double
    package let bf16GigaflopsPerSecond: Double
    package let int8GigaopsPerSecond: Double

    package init(pool: WorkerPool) {
        let probe = MachineProbe.measure(pool: pool)
        (processor, processors, threads) = (Self.processorName(), MachineProbe.processors, pool.threads)
        instructionSet = pool.instructionSet.rawValue
        availableInstructionSets = InstructionSet.available.map(\.rawValue)
        blasCore = MachineProbe.blasCore
        (memoryTotalBytes, memoryAvailableBytes) = (MachineProbe.memoryTotal, MachineProbe.memoryAvailable)
        (readGigabytesPerSecond, f32GigaflopsPerSecond) = (probe.readGigabytesPerSecond, probe.f32GigaflopsPerSecond)
        (bf16GigaflopsPerSecond, int8GigaopsPerSecond) = (probe.bf16GigaflopsPerSecond, probe.int8GigaopsPerSecond)
    }

    /// The processor's name as Linux tells it.
    private static func processorName() -> String? {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
