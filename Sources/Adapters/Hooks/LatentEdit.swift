/// What to do with the latents of a hookpoint.
package enum InterventionMode: String, Sendable, CaseIterable {
    /// Read the strongest latents; the activations stay as they are.
    case observe
    /// Replace the activations by the SAE's reconstruction: `h' = decode(encode(h))`.
    case splice
    /// Change named latents and keep the rest, the reconstruction error included:
    /// `h' = h + strength * sum_i (a'_i - a_i) * W_dec[i]`.
    case edit
}

/// One change to one latent. `a` is the latent's activation: its value when it is among the selected (top-k or group maximum)
/// latents of the token, 0 when it is not. All operations act on latents that are not selected too.
package struct LatentEdit: Sendable, Hashable {
    package enum Operation: String, Sendable, CaseIterable {
        /// `a' = value`
        case set
        /// `a' = a + value`
        case add
        /// `a' = a * value`; without effect on a latent that is not selected
        case scale
        /// `a' = 0`; takes no value
        case ablate
        /// `a' = min(a, value)`: a ceiling, for a latent that may act but not dominate. `value` must not be negative.
        /// (To hold a latent at a value, which some papers call clamping, use `set`.)
        case clamp
    }

    package var latent: Int
    package var op: Operation
    /// In units of the latent's activation, except for `scale`, where it is a factor. Not used by `ablate`.
    package var value: Float

    package init(latent: Int, op: Operation, value: Float = 0) {
        self.latent = latent
        self.op = op
        self.value = value
    }

    /// The activation after this edit.
    @inline(__always)
    package func apply(to activation: Float) -> Float {
        switch op {
        case .set: value
        case .add: activation + value
        case .scale: activation * value
        case .ablate: 0
        case .clamp: activation < value ? activation : value
        }
    }
}
