import Architectures
import Checkpoints
import Foundation

extension Architecture {
    /// Computes what the Qwen2 of `RandomCheckpoint` does, and has nothing else in common with it: other names of tensors and keys, another
    /// order, projections fused in three ways, matrices stored the other way round, norms stored less 1. No list names it.
    package static let toy = Architecture(
        name: "toy", ggufName: "plaything", huggingFaceName: "ToyForCausalLM",
        weights: WeightTable(
            blockPrefix: "transformer.h.", rootSpellings: [""],
            [
                .norm(.finalNorm, "transformer.ln_f", gguf: "last_norm"),
                .embedding(.embedding, "transformer.wte", gguf: "words"),
                .norm(.feedForwardNorm, "ln_2", gguf: "norm_b", addsOne: true),
                .projection(.up, .gate, name: "mlp.c_fc", gguf: "mix_in", isTransposed: true),
                .projection(.down, name: "mlp.c_proj", gguf: "mix_out", isTransposed: true),
                .norm(.attentionNorm, "ln_1", gguf: "norm_a", addsOne: true),
                .projection(.q, .k, .v, name: "attn.query_key_value", gguf: "look_in", bias: .always, sharing: .byHead),
                .projection(.o, name: "attn.out", gguf: "look_out"),
                .embedding(.head, "classes", gguf: "classes"),
            ])
    ).with {
        $0.keys.hiddenSize = "n_embd"
        $0.keys.layers = "n_layer"
        $0.keys.heads = "n_head"
        $0.keys.ffnSize = "n_inner"
        $0.keys.contextLength = "n_positions"
        $0.keys.epsilon = "layer_norm_epsilon"
        $0.keys.ggufEpsilon = "epsilon"
    }
}

/// The weights of a `RandomCheckpoint`'s model as `Architecture.toy` stores them.
package struct ToyCheckpoint {
    package let config: ModelConfig
    private let base: SafetensorsFile

    /// - Parameter model: the folder that `RandomCheckpoint.model` made.
    package init(model: URL) throws {
        config = try ModelConfig.read(try Checkpoint.open(path: model.path)).toy
        base = try SafetensorsFile(path: model.appendingPathComponent("model.safetensors").path)
    }

    /// Every tensor, in the table's order.
    package func tensors(inGGUF: Bool) throws -> [(name: String, shape: [Int], values: [Float])] {
        try config.family.weights.tensors(config, inGGUF: inGGUF).map { tensor in
            var values = [Float](repeating: .nan, count: tensor.shape.reduce(1, *))
            let columns = tensor.shape.count > 1 ? tensor.shape[1] : 1
            for part in tensor.parts {
                let source = try base.floats(Architecture.qwen2.weights.name(part.place) ?? "")
                let width = source.count / part.rows
                for row in 0..<part.rows {
                    for column in 0..<width {
                        let (place, value) = (part.order.stored(row), source[row * width + column])
                        // Between 1/2 and 2 nothing is lost.
                        values[tensor.isTransposed ? column * columns + place : place * columns + column] =
                            tensor.addsOne ? value - 1 : value
                    }
                }
            }
            return (tensor.name, tensor.shape, values)
        }
    }

    /// Writes a folder.
    /// - Parameter omits: a prefix that is left out of the names.
    package func write(to folder: URL, omits: String = "") throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let json: [String: Any] = [
            "architectures": ["ToyForCausalLM"], "n_embd": config.hiddenSize, "n_layer": config.layers, "n_head": config.heads,
            "num_key_value_heads": config.kvHeads, "n_inner": config.ffnSize, "vocab_size": config.vocabSize,
            "n_positions": config.contextLength, "layer_norm_epsilon": 1e-6, "rope_theta": config.ropeTheta, "tie_word_embeddings": false,
        ]
        try JSONSerialization.data(withJSONObject: json).write(to: folder.appendingPathComponent("config.json"))
        try RandomCheckpoint.writeSafetensors(
            try tensors(inGGUF: false).map {
                (!omits.isEmpty && $0.name.hasPrefix(omits) ? String($0.name.dropFirst(omits.count)) : $0.name, $0.shape, $0.values)
            }, to: folder.appendingPathComponent("model.safetensors"))
    }
}

extension ModelConfig {
    fileprivate var toy: ModelConfig {
        var copy = self
        copy.family = .toy
        return copy
    }
}
