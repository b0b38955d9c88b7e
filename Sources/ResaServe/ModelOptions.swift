import ArgumentParser
import Tensors

/// Which model a verb works on.
struct ModelOptions: ParsableArguments {
    @Option(help: "A Hugging Face folder or a .gguf file.")
    var model: String
}

/// How a verb computes.
struct ComputeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Weights in memory: \(WeightFormat.allCases.map(\.rawValue).joined(separator: " or ")).", valueName: "format"))
    var weights = WeightFormat.bf16

    @Option(
        help: ArgumentHelp(
            "Keys and values in memory: \(KVFormat.allCases.map(\.rawValue).joined(separator: ", ")). (default: f32 with f32 weights, else bf16)",
            valueName: "format"))
    var kv: KVFormat?

    @Option(help: "Threads that compute. (default: one per processor)")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), but must be from 1 to 1024") }
    }

    /// The chosen KV format, or the one that goes with the weights.
    var kvFormat: KVFormat { kv ?? KVFormat(for: weights) }

    func makePool() -> WorkerPool { WorkerPool(threads: threads ?? MachineProbe.processors) }
}

extension WeightFormat: ExpressibleByArgument {}
extension KVFormat: ExpressibleByArgument {}
