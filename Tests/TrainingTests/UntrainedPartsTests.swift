import Checkpoints
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// What the server computes and training has no backward pass for is refused by its name, before anything is read.
@Suite struct UntrainedPartsTests {
    @Test(
        arguments: [
            ("qwen2-window", "sliding windows"), ("gemma", "tanh-GELU gates"),
            ("gemma2", "tanh-GELU gates"), ("gemma3", "tanh-GELU gates"), ("mistral", "sliding windows"), ("gpt2", "LayerNorms"),
            ("gpt-neox", "LayerNorms"), ("phi3", "partly rotated heads"), ("phi3-longrope", "sliding windows"),
            ("olmo2", "norms behind attention and MLP"),
        ])
    func areRefused(model: String, part: String) throws {
        let checkpoint = try Checkpoint.open(path: ReferenceAnswers.folder("models/\(model)").appendingPathComponent("checkpoint").path)
        let config = try ModelConfig.read(checkpoint)
        let pool = WorkerPool(threads: 1)
        #expect { _ = try FrozenDecoder(checkpoint: checkpoint, config: config, precision: .f32, pool: pool) } throws: {
            "\($0)".contains("training on a model with \(part)")
        }
        #expect(!ActivationSource.isFrozen(config, .f32, kv: .f32))
    }

    @Test(arguments: ["qwen3", "mistral-full", "llama-linear", "llama-yarn", "llama-longrope"]) func othersAreNot(model: String) throws {
        let checkpoint = try Checkpoint.open(path: ReferenceAnswers.folder("models/\(model)").appendingPathComponent("checkpoint").path)
        let config = try ModelConfig.read(checkpoint)
        _ = try FrozenDecoder(checkpoint: checkpoint, config: config, precision: .f32, pool: WorkerPool(threads: 1))
        #expect(ActivationSource.isFrozen(config, .f32, kv: .f32))
    }
}
