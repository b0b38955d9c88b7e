import ArgumentParser
import Foundation
import Inspection
import Tensors
import Terminal
import Workbench

/// `resa bench kernels`: matrix products against what the machine could do.
struct BenchKernels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Time matrix products of every weight format against the measured peak.",
        discussion: """
            The roof of a product is the longer of two times: reading its weights at the measured bandwidth, and its multiply-adds at the \
            measured rate of the format's dot-product instruction. Bandwidth and rate are measured before and after each product; figures are \
            medians over the rounds. The default shapes are those of R1-Distill-Qwen-1.5B.
            """)

    @Option(
        name: .customLong("shape"),
        help: ArgumentHelp(
            "A matrix as OUTPUTSxINPUTS; may be repeated. (default: the shapes of R1-Distill-Qwen-1.5B)", valueName: "shape"))
    var shapeTexts: [String] = []

    @Option(
        name: .customLong("weights"),
        help: ArgumentHelp("A format; may be repeated. (default: bf16, int8 and int4)", valueName: "format"))
    var formats: [WeightFormat] = [.bf16, .int8, .int4]

    @Option(name: .customLong("rows"), help: ArgumentHelp("Numbers of rows to multiply, separated by commas.", valueName: "list"))
    var rowText = "1,8,16,32,128,512"

    @Option(help: "Threads that compute. (default: one per processor)")
    var threads: Int?

    @Option(help: "Rounds.")
    var rounds = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        for text in shapeTexts where KernelSpeed.Shape(text) == nil {
            throw ValidationError("--shape is \(text), but must be OUTPUTSxINPUTS, for example 8960x1536")
        }
        try Limits.check("--rows", rowText, 1...65536)
        try Limits.check([("--threads", threads, 1...1024), ("--rounds", rounds, 1...1000)])
    }

    func run() throws {
        var question = KernelSpeed.Question()
        if !shapeTexts.isEmpty { question.shapes = shapeTexts.compactMap { KernelSpeed.Shape($0) } }
        (question.formats, question.rows, question.rounds) = (formats, Limits.numbers(rowText, 1...65536) ?? [], rounds)
        var settings = Workbench.Settings()
        settings.threads = threads
        let rows = try KernelSpeed.measure(question, pool: settings.makePool(), watcher: TerminalWatcher())
        if json { return try Console.printJSON(rows) }
        Console.printTable(
            ["weights", "outputs", "inputs", "rows", "us", "GOP/s", "of peak", "GB/s", "of bandwidth", "of roof"],
            rows.map { row in
                [
                    row.weights, "\(row.outputs)", "\(row.inputs)", "\(row.rows)", String(format: "%.0f", row.microseconds),
                    String(format: "%.0f", row.gigaopsPerSecond), String(format: "%.2f", row.ofPeak),
                    String(format: "%.1f", row.gigabytesPerSecond), String(format: "%.2f", row.ofBandwidth),
                    String(format: "%.2f", row.ofRoof),
                ]
            })
    }
}
