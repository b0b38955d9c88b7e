import Checkpoints
import JSONText

extension Architecture {
    /// Gemma 3's text models, and the text part of those that see: Gemma 2 with norms of queries and keys instead of caps. Five layers of six see a window and have a rotary base of
    /// their own, which no scaling changes.
    package static let gemma3 = Architecture(
        name: "gemma3_text", ggufName: "gemma3", huggingFaceName: "Gemma3ForCausalLM",
        weights: .llama(
            norms: .around, queryKeyNorms: WeightTable.Row.queryKeyNorms(byHead: true, addsOne: true), addsOne: true,
            rootSpellings: ["language_model.model.", "model.language_model."])
    ).with {
        $0.isGemma()
        // Of these the text model alone is read. Their configurations leave out what `transformers` fills in.
        $0.wrappers = ["Gemma3ForConditionalGeneration"]
        $0.defaults = [
            "head_dim": 256, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 262_208, "max_position_embeddings": 131_072,
            "rms_norm_eps": 1e-6,
        ]
        $0.keys.defaultTheta = 1_000_000
        $0.windows = .allButEvery(6, default: 4096)
        $0.readFolder = { json, config throws(JSONError) in
            config.scaleEmbeddings()
            config.block.scoreScale = try json.scoreScale()
            config.block.logitCap = try json.cap("final_logit_softcapping", default: nil)
            if try json.optionalBool("use_bidirectional_attention") ?? false {
                throw JSONError(place: "use_bidirectional_attention", got: "true", wanted: "false; others are not supported")
            }
            // In transformers 5 every type of layer has parameters of its own.
            let local = try json.optionalObject("rope_parameters")?["sliding_attention"]
            let old = try json.optionalDouble("rope_local_base_freq")
            config.turnWindows(by: try local?.optionalDouble("rope_theta") ?? old ?? 10_000)
        }
        $0.readGGUF = { keys, config throws(CheckpointError) in
            config.scaleEmbeddings()
            // The 27B alone, as in Gemma 2.
            config.block.scoreScale = config.layers == 62 ? config.scaleOfSharedWidth : nil
            config.turnWindows(by: try keys.optionalDouble("gemma3.rope.freq_base_swa") ?? 10_000)
        }
    }
}

extension ModelConfig {
    /// Gives layers that see a window a rotary base of their own.
    mutating func turnWindows(by theta: Double) {
        for layer in block.layers.indices where block.layers[layer].window != nil { block.layers[layer].ropeTheta = theta }
    }
}
