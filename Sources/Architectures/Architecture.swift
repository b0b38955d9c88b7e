import Checkpoints
import JSONText

/// What tells one family of models from another. A new architecture is one file that makes one of these, and its line in `all`.
package struct Architecture: Sendable {
    /// The name in `config.json`'s `model_type`.
    package let name: String

    /// The name in GGUF's `general.architecture`; nil where GGUF has none, or another architecture's.
    package let ggufName: String?

    /// The class that `config.json` lists under `architectures`.
    package let huggingFaceName: String

    /// Every tensor of a model: names, shapes, biases, and how they are stored.
    package let weights: WeightTable

    /// Classes of larger models whose `text_config` is one of this architecture.
    package var wrappers: [String] = []

    /// Keys of `config.json` where it leaves them out.
    package var defaults = JSONObject()

    /// What the blocks compute, as far as no configuration says otherwise.
    package var block = BlockDescription()

    /// The keys of `config.json`, and of GGUF behind the architecture's name.
    package var keys = ConfigurationKeys()

    /// Query, key and value have biases and nothing else has, whatever the configuration says.
    package var fixesQKVBias = false

    /// Which layers see no further than `sliding_window`, where the configuration lists no `layer_types`.
    package var windows = Windows.refused

    /// What else `config.json` decides, read after everything that architectures share.
    package var readFolder: @Sendable (_ json: JSON, _ config: inout ModelConfig) throws(JSONError) -> Void = { _, _ throws(JSONError) in }

    /// The same for GGUF; keys are to be looked up behind the architecture's name.
    package var readGGUF: @Sendable (_ keys: GGUFKeys, _ config: inout ModelConfig) throws(CheckpointError) -> Void = {
        _, _ throws(CheckpointError) in
    }

    package static let all: [Architecture] = [
        .qwen2, .llama, .qwen3, .gemma, .gemma2, .gemma3, .mistral, .gpt2, .gptNeoX, .phi3, .olmo2,
    ]

    package init(name: String, ggufName: String?, huggingFaceName: String, weights: WeightTable) {
        (self.name, self.ggufName, self.huggingFaceName, self.weights) = (name, ggufName, huggingFaceName, weights)
    }

    /// A default is the window of a configuration that says nothing of it.
    package enum Windows: Sendable, Equatable {
        /// None: a configuration that has a window means something else.
        case refused
        case all(default: Int?)
        /// Those from `max_window_layers` on, and only with `use_sliding_window`.
        case optIn
        /// All but every so many-th, unless `sliding_window_pattern` says another number.
        case allButEvery(Int, default: Int)
    }

    /// The same with some of it changed.
    package func with(_ change: (inout Architecture) -> Void) -> Architecture {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Architecture: Equatable, CustomStringConvertible {
    package static func == (a: Architecture, b: Architecture) -> Bool { a.name == b.name }
    package var description: String { name }
}
