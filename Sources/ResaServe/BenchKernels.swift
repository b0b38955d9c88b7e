import ArgumentParser
import Foundation
import Models
import Tensors

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

    private static let standardShapes = ["2048x1536", "1536x1536", "17920x1536", "1536x8960", "151936x1536"]

    private var rowCounts: [Int]? {
        let values = rowText.split(separator: ",").map { Int($0) }
        return values.contains { $0.map { !(1...65536).contains($0) } ?? true } ? nil : values.compactMap(\.self)
    }

    private static func shape(_ text: String) -> (outputs: Int, inputs: Int)? {
        let numbers = text.split(separator: "x").map { Int($0) }
        guard numbers.count == 2, let outputs = numbers[0], let inputs = numbers[1] else { return nil }
        return (1...(1 << 22)).contains(outputs) && (1...(1 << 20)).contains(inputs) ? (outputs, inputs) : nil
    }

    func validate() throws {
        for text in shapeTexts where Self.shape(text) == nil {
            throw ValidationError("--shape is \(text), but must be OUTPUTSxINPUTS, for example 8960x1536")
        }
        if rowCounts == nil { throw ValidationError("--rows is \(rowText), but must be numbers from 1 to 65536, separated by commas") }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), but must be from 1 to 1024") }
        if !(1...1000).contains(rounds) { throw ValidationError("--rounds is \(rounds), but must be from 1 to 1000") }
    }

    struct Row: Encodable {
        let weights: String
        let outputs: Int
        let inputs: Int
        let rows: Int
        let microseconds: Double
        let gigaopsPerSecond: Double
        let gigabytesPerSecond: Double
        /// Of the measured dot-product rate.
        let ofPeak: Double
        /// Of the measured read bandwidth.
        let ofBandwidth: Double
        /// Time of the roof over time taken.
        let ofRoof: Double
    }

    func run() throws {
        let pool = WorkerPool(threads: threads ?? MachineProbe.processors)
        let shapes = (shapeTexts.isEmpty ? Self.standardShapes : shapeTexts).compactMap(Self.shape)
        let rowCounts = rowCounts ?? []
        let progress = ProgressReporter("resa: timing kernels")
        var rows: [Row] = []
        for format in formats {
            for shape in shapes {
                let packed = WeightRecipe.matrix(format, .gateUp, inputs: shape.inputs)
                let benchmark = try ProductBenchmark(format: packed, outputs: shape.outputs, inputs: shape.inputs, pool: pool)
                for count in rowCounts {
                    rows.append(measure(benchmark, format, shape, rows: count, pool))
                    progress.report(Double(rows.count) / Double(formats.count * shapes.count * rowCounts.count))
                }
            }
        }
        progress.finish()
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

    private func measure(
        _ benchmark: ProductBenchmark, _ format: WeightFormat, _ shape: (outputs: Int, inputs: Int), rows: Int, _ pool: WorkerPool
    ) -> Row {
        var seconds: [Double] = []
        var peaks: [Double] = []
        var bandwidths: [Double] = []
        func probe() {
            peaks.append(MachineProbe.dotProductRate(format, pool: pool))
            bandwidths.append(MachineProbe.readBandwidth(pool: pool))
        }
        probe()
        for _ in 0..<rounds {
            seconds.append(benchmark.seconds(rows: rows))
            probe()
        }
        let time = seconds.median
        let operations = 2 * Double(shape.outputs) * Double(shape.inputs) * Double(rows) / 1e9
        let gigabytes = Double(benchmark.byteCount) / 1e9
        return Row(
            weights: format.rawValue, outputs: shape.outputs, inputs: shape.inputs, rows: rows, microseconds: time * 1e6,
            gigaopsPerSecond: operations / time, gigabytesPerSecond: gigabytes / time, ofPeak: operations / time / peaks.median,
            ofBandwidth: gigabytes / time / bandwidths.median,
            ofRoof: max(operations / peaks.median, gigabytes / bandwidths.median) / time)
    }
}
