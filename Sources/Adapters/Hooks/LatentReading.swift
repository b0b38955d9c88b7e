/// One latent and how strongly it acts.
package struct LatentActivation: Sendable, Hashable {
    package var latent: Int
    package var activation: Float

    package init(latent: Int, activation: Float) {
        self.latent = latent
        self.activation = activation
    }
}

/// What one intervention saw at one token.
package struct LatentReading: Sendable, Hashable {
    /// The adapter's name.
    package var adapter: String
    package var hookpoint: HookPoint
    /// Strongest first (ties: lower latent first), as they were before the intervention changed anything. Never with activation 0.
    package var latents: [LatentActivation]
    /// For a splice: how much of this token's variance the reconstruction lost, see `rowFVU`. Nil for the other modes.
    package var fvu: Float?

    package init(adapter: String, hookpoint: HookPoint, latents: [LatentActivation], fvu: Float?) {
        self.adapter = adapter
        self.hookpoint = hookpoint
        self.latents = latents
        self.fvu = fvu
    }
}
