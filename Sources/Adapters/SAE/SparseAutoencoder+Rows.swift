import Tensors

/// The stored rows, for gradients through a frozen SAE.
extension SparseAutoencoder {
    /// Whether the gradient of what it reconstructs is the selected latents' encoder rows, each weighted by its decoder row: no normalisation
    /// of the input, a fixed number of latents, and an encoder whose rows can be read (one loaded in f32).
    package var hasPlainGradient: Bool {
        guard case .dense = encoder else { return false }
        return activation.hasFixedCount && normalisation == .none
    }

    /// Copies row `latent` of W_enc, exactly as held. `hasPlainGradient` is true.
    package func copyEncoderRow(_ latent: Int, into destination: UnsafeMutablePointer<Float>) {
        guard case .dense(let matrix) = encoder else { preconditionFailure("this encoder's rows cannot be read") }
        matrix.copyRow(latent, into: destination)
    }

    /// Copies row `row` of W_skip, where there is one.
    package func copySkipRow(_ row: Int, into destination: UnsafeMutablePointer<Float>) {
        guard let skipMatrix else { preconditionFailure("this SAE has no skip connection") }
        skipMatrix.copyRow(row, into: destination)
    }
}
