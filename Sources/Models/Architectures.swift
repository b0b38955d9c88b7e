import Checkpoints
import Tensors

/// What tells one family of models from another. A new architecture is one file that makes one of these, and its line in `all`.
package struct Architecture: Sendable {
    /// The name in GGUF's `general.architecture` and `config.json`'s `model_type`, which `ModelConfig.architecture` carries.
    package let name: String

    /// The class that `config.json` lists under `architectures`.
    let huggingFaceName: String

    /// Query, key and value have biases and nothing else has, whatever the configuration says.
    let fixesQKVBias: Bool

    /// A `sliding_window` counts only together with `use_sliding_window`.
    let slidingWindowIsOptIn: Bool

    /// GGUF files hold the rows of Q and K interleaved, for rotary pairs of neighbours.
    package let ggufInterleavesQK: Bool

    /// Reads the weights and packs them, unless `cache` has them packed; `progress` hears the fraction done.
    let load:
        @Sendable (
            _ config: ModelConfig, _ weights: WeightReader, _ format: WeightFormat, _ cache: PackedCache?, _ pool: WorkerPool,
            _ progress: (Double) -> Void
        ) throws -> any LanguageModel

    package static let all: [Architecture] = [.qwen2, .llama]

    /// The architecture called `name`, or nil.
    package static func named(_ name: String) -> Architecture? {
        all.first { $0.name == name }
    }
}
