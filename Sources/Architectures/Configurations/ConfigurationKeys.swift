/// What an architecture calls the numbers that every configuration has.
package struct ConfigurationKeys: Sendable {
    // In `config.json`.
    package var hiddenSize = "hidden_size"
    package var layers = "num_hidden_layers"
    package var heads = "num_attention_heads"
    package var ffnSize = "intermediate_size"
    package var contextLength = "max_position_embeddings"
    package var epsilon = "rms_norm_eps"
    /// The first that is there counts.
    package var activation = ["hidden_act"]
    /// A further name of tanh-GELU, which means another activation elsewhere.
    package var callsTanhGELU: String?
    package var theta = "rope_theta"
    /// Which part of a head is rotated; nil where it is all of it, and a configuration that says otherwise is refused.
    package var rotaryFraction: String?

    /// The width of the MLP in hidden sizes, where the configuration says none.
    package var defaultFFNMultiple: Int?

    /// In GGUF, behind the architecture's name.
    package var ggufEpsilon = "attention.layer_norm_rms_epsilon"

    /// Where the configuration has no `rope_theta`.
    package var defaultTheta = 10_000.0

    /// Where it has no `tie_word_embeddings`.
    package var tiesByDefault = false

    package init() {}
}
