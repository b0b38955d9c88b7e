import Checkpoints

extension PEFTConfig {
    /// Keys that change what a LoRA computes in ways this program does not follow. Each may be present as long as it is off.
    private static let unsupportedKeys: [(key: String, what: String)] = [
        ("lora_bias", "a bias on lora_B"),
        ("modules_to_save", "a copy of whole modules"),
        ("trainable_token_indices", "retrained token embeddings"),
        ("target_parameters", "LoRA on bare parameters"),
        ("layer_replication", "replicated layers"),
        ("alora_invocation_tokens", "activated LoRA"),
        ("use_qalora", "QALoRA"),
        ("use_bdlora", "block-diagonal LoRA"),
        ("arrow_config", "Arrow routing"),
        ("kasa_config", "KaSA"),
        ("monteclora_config", "Monte Carlo LoRA"),
    ]

    /// Ways of filling A and B that also change the base model's weights: the adapter alone is not the model that was trained.
    private static let baseChangingInitialisations = ["pissa", "olora", "corda", "loftq", "lora_ga"]

    static func refuseUnsupported(_ config: ConfigReader) throws(AdapterError) {
        if let type = try config.string("peft_type"), type.uppercased() != "LORA" {
            throw .unsupported(adapter: config.adapter, feature: "peft_type '\(type)'", advice: "only LORA is")
        }
        if let bias = try config.string("bias"), bias != "none" {
            throw .unsupported(
                adapter: config.adapter, feature: "bias '\(bias)'", advice: "train the adapter with bias 'none'")
        }
        for (key, what) in unsupportedKeys {
            guard let value = config.value(key), !value.isEmpty else { continue }
            throw .unsupported(
                adapter: config.adapter, feature: "'\(key)' (\(what), here \(value.kind))",
                advice: "merge it into a checkpoint or train without it")
        }
        // A switch that a later PEFT added: off is harmless, on would change the result.
        let known: Set = ["use_rslora", "use_dora", "use_qalora", "use_bdlora"]
        for key in config.object.keys.sorted() where key.hasPrefix("use_") && !known.contains(key) {
            guard let value = config.value(key), !value.isEmpty else { continue }
            throw .unsupported(adapter: config.adapter, feature: "'\(key)'", advice: "train the adapter without it")
        }
        if case .string(let initialisation)? = config.value("init_lora_weights") {
            let lowered = initialisation.lowercased()
            if baseChangingInitialisations.contains(where: { lowered.hasPrefix($0) }) {
                throw .unsupported(
                    adapter: config.adapter, feature: "init_lora_weights '\(initialisation)', which changed the base weights,",
                    advice: "save it with PEFT's path_initial_model_for_weight_conversion, which makes a plain LoRA of it")
            }
        }
    }
}
