import JSONText

extension SAELensConfig {
    static func refuseUnsupported(_ config: ConfigReader) throws(AdapterError) {
        for key in ["activation_fn_kwargs", "activation_fn_str_kwargs"] {
            guard let arguments = try config.section(key) else { continue }
            try arguments.refuseUnknown(["k"])
        }
        // A factor on every latent that was trained after the SAE: where it is not one, its tensor says so.
        for key in ["finetuning_scaling_factor", "uses_scaling_factor"] { _ = try config.fields.bool(key) }
        guard config.fields["metadata"] != nil else { return }
        try config.refuseUnknown(followed.union(harmless))
    }

    private static let followed: Set = [
        "architecture", "d_in", "d_sae", "d_out", "k", "activation_fn", "activation_fn_str", "activation_fn_kwargs",
        "activation_fn_str_kwargs",
        "apply_b_dec_to_input", "normalize_activations", "norm_scaling_factor", "reshape_activations", "rescale_acts_by_decoder_norm",
        "hook_name", "hook_point", "hook_name_out", "hook_head_index", "hook_point_head_index", "metadata", "finetuning_scaling_factor",
        "uses_scaling_factor",
    ]

    /// How it was stored and trained.
    private static let harmless: Set = [
        "dtype", "device", "model_name", "hook_layer", "hook_layer_out", "dataset_path", "context_size", "prepend_bos", "neuronpedia_id",
        "sae_lens_version", "sae_lens_training_version", "sae_id", "seed", "use_sparse_activations", "decoder_init_norm", "l1_coefficient",
        "lp_norm",
        "l1_warm_up_steps", "l0_coefficient", "l0_warm_up_steps", "pre_act_loss_coefficient", "jumprelu_init_threshold",
        "jumprelu_bandwidth", "jumprelu_sparsity_loss_mode", "jumprelu_tanh_scale", "aux_loss_coefficient", "topk_threshold_lr",
        "matryoshka_widths", "mse_loss_normalization", "noise_scale", "normalize_sae_decoder", "scale_sparsity_penalty_by_decoder_norm",
    ]
}
