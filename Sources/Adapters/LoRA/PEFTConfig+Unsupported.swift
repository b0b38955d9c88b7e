import Checkpoints

extension PEFTConfig {
    /// Keys that change what a LoRA computes in ways this program does not follow. Each may be present as long as it is off.
    private static let unsupportedKeys: [(key: String, what: String)] = [
        ("lora_bias", "a bias on lora_B"),
        ("modules_to_save", "a copy of whole modules"),
        ("trainable_token_indices", "retrained token embeddings"),
        ("target_parameters", "LoRA on bare parameters"),
        ("enable_lora", "LoRA on parts of a fused projection"),
        ("layer_replication", "replicated layers"),
        ("alora_invocation_tokens", "activated LoRA"),
        ("use_qalora", "QALoRA"),
        ("use_bdlora", "block-diagonal LoRA"),
        ("arrow_config", "Arrow routing"),
        ("kasa_config", "KaSA"),
        ("monteclora_config", "Monte Carlo LoRA"),
    ]

    private static let followed: Set = [
        "peft_type", "bias", "init_lora_weights", "r", "lora_alpha", "use_rslora", "use_dora", "target_modules", "exclude_modules",
        "rank_pattern",
        "alpha_pattern", "layers_to_transform", "layers_pattern", "base_model_name_or_path", "fan_in_fan_out",
    ]

    /// Keys of what was done while training, of where and how the adapter was made, and of modes that must be switched on to count.
    private static let harmless: Set = [
        "task_type", "auto_mapping", "peft_version", "revision", "inference_mode", "lora_dropout", "megatron_config", "megatron_core",
        "loftq_config", "eva_config", "corda_config", "lora_ga_config", "velora_config", "qalora_group_size", "runtime_config",
        "ensure_weight_tying", "unsloth_fixed", "_commit_hash",
        // Of the first versions.
        "merge_weights",
    ]

    /// Ways of filling A and B that also change the base model's weights: the adapter alone is not the model that was trained.
    private static let baseChangingInitialisations = ["pissa", "olora", "corda", "loftq", "lora_ga"]

    static func refuseUnsupported(_ config: ConfigReader) throws(AdapterError) {
        if let type = try config.fields.string("peft_type"), type.uppercased() != "LORA" {
            throw .unsupported(adapter: config.adapter, feature: "peft_type '\(type)'", advice: "only LORA is")
        }
        if let bias = try config.fields.string("bias"), bias != "none" {
            throw .unsupported(
                adapter: config.adapter, feature: "bias '\(bias)'", advice: "train the adapter with bias 'none'")
        }
        for (key, what) in unsupportedKeys {
            guard let value = config.fields[key], !value.isEmpty else { continue }
            throw .unsupported(
                adapter: config.adapter, feature: "'\(key)' (\(what), here \(value.kind))",
                advice: "merge it into a checkpoint or train without it")
        }
        // What a later PEFT adds: off is harmless, on may change the result.
        try config.refuseUnknown(followed.union(harmless).union(unsupportedKeys.map(\.key)), passingValues: true)
        if case .string(let initialisation)? = config.fields["init_lora_weights"] {
            let lowered = initialisation.lowercased()
            if baseChangingInitialisations.contains(where: { lowered.hasPrefix($0) }) {
                throw .unsupported(
                    adapter: config.adapter, feature: "init_lora_weights '\(initialisation)', which changed the base weights,",
                    advice: "save it with PEFT's path_initial_model_for_weight_conversion, which makes a plain LoRA of it")
            }
        }
    }
}
