import Measuring
import Models
import Tensors
import Workbench

/// Matrix products against what the machine could do. The roof of a product is the longer of two times: reading its weights at the measured
/// bandwidth, and its multiply-adds at the measured rate of the format's dot-product instruction.
package enum KernelSpeed {
    /// What is timed.
    package struct Question {
        /// Those of R1-Distill-Qwen-1.5B.
        package var shapes = [(2048, 1536), (1536, 1536), (17920, 1536), (1536, 8960), (151936, 1536)].map(Shape.init)
        package var formats: [WeightFormat] = [.bf16, .int8, .int4]
        package var rows = [1, 8, 16, 32, 128, 512]
        package var rounds = 3

        package init() {}
    }

    package struct Shape: Equatable, Sendable {
        package let outputs: Int
        package let inputs: Int

        package init(outputs: Int, inputs: Int) { (self.outputs, self.inputs) = (outputs, inputs) }

        /// `OUTPUTSxINPUTS`; nil for anything else, and for what is out of range.
        package init?(_ text: String) {
            let numbers = text.split(separator: "x").map { Int($0) }
            guard numbers.count == 2, let outputs = numbers[0], let inputs = numbers[1] else { return nil }
            guard (1...(1 << 22)).contains(outputs), (1...(1 << 20)).contains(inputs) else { return nil }
            self.init(outputs: outputs, inputs: inputs)
        }
    }

    package struct Row: Encodable {
        package let weights: String
        package let outputs: Int
        package let inputs: Int
        package let rows: Int
        package let microseconds: Double
        package let gigaopsPerSecond: Double
        package let gigabytesPerSecond: Double
        /// Of the measured dot-product rate.
        package let ofPeak: Double
        /// Of the measured read bandwidth.
        package let ofBandwidth: Double
        /// Time of the roof over time taken.
        package let ofRoof: Double
    }

    package static func measure(_ question: Question, pool: WorkerPool, watcher: any WorkWatcher) throws -> [Row] {
        let work = watcher.begin("resa: timing kernels", count: nil)
        defer { work.finish() }
        var rows: [Row] = []
        for format in question.formats {
            for shape in question.shapes {
                let packed = WeightRecipe.matrix(format, .gateUp, inputs: shape.inputs)
                let benchmark = try ProductBenchmark(format: packed, outputs: shape.outputs, inputs: shape.inputs, pool: pool)
                for count in question.rows {
                    rows.append(measure(benchmark, format, shape, rows: count, rounds: question.rounds, pool))
                    work.report(Double(rows.count) / Double(question.formats.count * question.shapes.count * question.rows.count))
                }
            }
        }
        return rows
    }

    private static func measure(
        _ benchmark: ProductBenchmark, _ format: WeightFormat, _ shape: Shape, rows: Int, rounds: Int, _ pool: WorkerPool
    ) -> Row {
        var (seconds, peaks, bandwidths): ([Double], [Double], [Double]) = ([], [], [])
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
