/// The selected latents of some rows, in memory of the workspace that made them: valid until its mark is released. Each row has `k`
/// slots, of which the first `count(row:)` are filled. For top-k SAEs a row is in descending order of activation (ties: lower latent
/// first), for groupmax in order of group, and where a threshold decides in ascending order of latent. A slot whose activation is 0
/// selects nothing.
package struct LatentRows {
    package let rows: Int
    /// Slots of a row.
    package let k: Int
    package let indices: UnsafeMutablePointer<Int32>
    package let activations: UnsafeMutablePointer<Float>
    /// How many slots of each row are filled, where that varies; their latents ascend.
    private let counts: UnsafeMutablePointer<Int32>?

    init(
        rows: Int, k: Int, indices: UnsafeMutablePointer<Int32>, activations: UnsafeMutablePointer<Float>,
        counts: UnsafeMutablePointer<Int32>? = nil
    ) {
        self.rows = rows
        self.k = k
        self.indices = indices
        self.activations = activations
        self.counts = counts
    }

    @inline(__always)
    package func indices(row: Int) -> UnsafeMutablePointer<Int32> { indices + row * k }

    @inline(__always)
    package func activations(row: Int) -> UnsafeMutablePointer<Float> { activations + row * k }

    /// Filled slots of a row.
    @inline(__always)
    package func count(row: Int) -> Int { counts.map { Int($0[row]) } ?? k }

    /// The activation of one latent in a row: 0 when it is not among the selected.
    @inline(__always)
    package func activation(row: Int, latent: Int32) -> Float {
        let indices = indices(row: row)
        guard counts == nil else { return ascendingActivation(row: row, latent: latent) }
        for slot in 0..<k where indices[slot] == latent { return activations[row * k + slot] }
        return 0
    }

    /// The same by bisection: thousands of latents may act.
    private func ascendingActivation(row: Int, latent: Int32) -> Float {
        let indices = indices(row: row)
        var (low, high) = (0, count(row: row))
        while low < high {
            let middle = (low + high) / 2
            if indices[middle] < latent { low = middle + 1 } else { high = middle }
        }
        return low < count(row: row) && indices[low] == latent ? activations[row * k + low] : 0
    }
}
