import ArgumentParser
import Foundation
import Tensors

/// `resa doctor`: what this machine offers, measured now; with `--quality`, what packed weights cost in fidelity.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this machine: CPU tier, memory bandwidth, arithmetic rates.",
        discussion: "The figures are the roof for speed: decoding one sequence reads every weight once per token. Takes about a second.")

    @Option(help: "Threads that measure. (default: one per processor)")
    var threads: Int?

    @OptionGroup(title: "Quality") var quality: QualityOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), but must be from 1 to 1024") }
    }

    struct Report: Encodable {
        let processor: String?
        let processors: Int
        let threads: Int
        let instructionSet: String
        let availableInstructionSets: [String]
        let blasCore: String
        let memoryTotalBytes: Int
        let memoryAvailableBytes: Int
        let readGigabytesPerSecond: Double
        let f32GigaflopsPerSecond: Double
        let bf16GigaflopsPerSecond: Double
        let int8GigaopsPerSecond: Double
    }

    func run() throws {
        let pool = WorkerPool(threads: threads ?? MachineProbe.processors)
        if quality.quality {
            let report = try QualityReport.measure(quality, pool: pool)
            return json ? try Console.printJSON(report) : report.show()
        }
        let probe = MachineProbe.measure(pool: pool)
        let report = Report(
            processor: Self.processorName(), processors: MachineProbe.processors, threads: pool.threads,
            instructionSet: pool.instructionSet.rawValue, availableInstructionSets: InstructionSet.available.map(\.rawValue),
            blasCore: MachineProbe.blasCore, memoryTotalBytes: MachineProbe.memoryTotal,
            memoryAvailableBytes: MachineProbe.memoryAvailable, readGigabytesPerSecond: probe.readGigabytesPerSecond,
            f32GigaflopsPerSecond: probe.f32GigaflopsPerSecond, bf16GigaflopsPerSecond: probe.bf16GigaflopsPerSecond,
            int8GigaopsPerSecond: probe.int8GigaopsPerSecond)
        if json { return try Console.printJSON(report) }
        Console.printFacts([
            ("processor", report.processor),
            ("processors", "\(report.processors)"),
            ("instruction set", "\(report.instructionSet) (available: \(report.availableInstructionSets.joined(separator: ", ")))"),
            ("BLAS core", report.blasCore),
            ("memory", "\(Quantity.bytes(report.memoryTotalBytes)), \(Quantity.bytes(report.memoryAvailableBytes)) available"),
            ("threads", "\(report.threads)"),
            ("read bandwidth", String(format: "%.1f GB/s", report.readGigabytesPerSecond)),
            ("f32 multiply-add", String(format: "%.0f GFLOP/s", report.f32GigaflopsPerSecond)),
            ("bf16 dot product", String(format: "%.0f GFLOP/s", report.bf16GigaflopsPerSecond)),
            ("int8 dot product", String(format: "%.0f GOP/s", report.int8GigaopsPerSecond)),
        ])
    }

    /// The processor's name as Linux tells it.
    private static func processorName() -> String? {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
