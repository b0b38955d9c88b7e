import ArgumentParser
import Foundation
import Inspection
import Terminal
import Workbench

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

    func validate() throws { try Limits.check([("--threads", threads, 1...1024)]) }

    func run() throws {
        var settings = Workbench.Settings()
        settings.threads = threads
        if let question = quality.question {
            let bench = try Workbench(model: quality.model ?? "", settings, watcher: TerminalWatcher())
            let report = try FormatFidelity(question, on: bench)
            return json ? try Console.printJSON(report) : report.show()
        }
        let report = MachineReport(pool: settings.makePool())
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
}
