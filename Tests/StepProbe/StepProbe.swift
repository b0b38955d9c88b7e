import Adapters
import Checkpoints
import Engine
import Foundation
import Models
import RandomModels
import Tensors

/// Decodes four sequences of a tiny random model, for `count_calls.py` to count what a step calls.
///
///     StepProbe TOKENS [FORMAT [loras]]
///
/// With `loras` two of the sequences are the base model's, one has a LoRA, and one has another with the first on top.
@main
struct StepProbe {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2, let tokens = Int(arguments[1]), tokens > 0 else {
            FileHandle.standardError.write(Data("usage: StepProbe TOKENS [FORMAT [loras]]\n".utf8))
            exit(64)
        }
        let format = arguments.count > 2 ? WeightFormat(rawValue: arguments[2]) : .bf16
        guard let format else { exit(64) }
        var checkpoint = try RandomCheckpoint(seed: 1)
        defer { checkpoint.remove() }
        let opened = try Checkpoint.open(path: try checkpoint.model().path)
        let config = try ModelConfig.read(opened)
        let pool = WorkerPool(threads: 2)
        let model = try Decoder.load(
            config: config, weights: try WeightReader(checkpoint: opened, config: config), format: format, pool: pool
        ) { _ in }
        let adapters = arguments.count > 3 ? try loras(&checkpoint, config: config, format: format, pool: pool) : []
        let engine = Engine(
            model: model, tokenizer: ByteTokenizer.make(), settings: EngineSettings(contextLength: 2048, kvTokens: 16384), pool: pool)
        var streams: [GenerationStream] = []
        for index in 0..<4 {
            var request = GenerationRequest(
                id: "\(index)", prompt: [1, 2, 3, Int32(index)], adapters: index < adapters.count ? adapters[index] : .none,
                stop: StopConditions(maxTokens: tokens))
            request.stop.ignoreEOS = true
            request.sampling.seed = UInt64(index)
            // Every way to draw: greedy, the whole distribution, truncated, with penalties.
            request.sampling.temperature = index == 0 ? 0 : 1
            request.sampling.topP = index == 2 ? 0.9 : 1
            request.sampling.topK = index == 2 ? 40 : 0
            request.sampling.frequencyPenalty = index == 3 ? 0.1 : 0
            streams.append(try engine.submit(request))
        }
        // Nobody reads the streams: tasks need threads that valgrind does not survive.
        while engine.statistics.finishedRequests < streams.count { Thread.sleep(forTimeInterval: 0.01) }
        guard engine.statistics.generatedTokens == 4 * tokens else {
            fatalError("\(engine.statistics.generatedTokens) tokens came, not \(4 * tokens)")
        }
        print("steps \(engine.statistics.steps)")
    }

    /// Ranks that int8 adapters hold in int8 and in bf16.
    private static func loras(
        _ checkpoint: inout RandomCheckpoint, config: ModelConfig, format: WeightFormat, pool: WorkerPool
    ) throws -> [AdapterSet] {
        let modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        let folder = checkpoint.folder
        func load(_ name: String, rank: Int) throws -> LoRAAdapter {
            try checkpoint.lora(name, rank: rank, modules: modules)
            return try LoRAAdapter.load(
                folder: folder.appendingPathComponent("adapters/\(name)"), name: name, digest: name, shape: config.shape,
                format: format.adapterFormat, pool: pool)
        }
        let (first, second) = (try load("first", rank: 32), try load("second", rank: 8))
        return [AdapterSet([.lora(first, scale: 1)]), AdapterSet([.lora(second, scale: 0.5), .lora(first, scale: 1)])]
    }
}
