/// The selected latents of some rows, `[rows, k]` each, in memory of the workspace that made them: valid until its mark is
/// released. For top-k SAEs a row is in descending order of activation (ties: lower latent first), for groupmax in order of group.
/// A slot whose activation is 0 selects nothing.
package struct LatentRows {
    package let rows: Int
    package let k: Int
    package let indices: UnsafeMutablePointer<Int32>
    package let activations: UnsafeMutablePointer<Float>

    @inline(__always)
    package func indices(row: Int) -> UnsafeMutablePointer<Int32> { indices + row * k }

    @inline(__always)
    package func activations(row: Int) -> UnsafeMutablePointer<Float> { activations + row * k }

    /// The activation of one latent in a row: 0 when it is not among the selected.
    @inline(__always)
    package func activation(row: Int, latent: Int32) -> Float {
        let indices = indices(row: row)
        for slot in 0..<k where indices[slot] == latent { return activations[row * k + slot] }
        return 0
    }
}
