import Adapters
import Tensors

/// How well an SAE explains the activations of a text: what its reconstruction loses, and how many latents act. Used by one thread.
package final class ReconstructionMeter {
    private let sae: SparseAutoencoder
    package private(set) var tokens = 0
    /// Latents with an activation above 0, over all tokens.
    private var active = 0
    private var hasActed: [Bool]
    private var whole: FractionOfVarianceUnexplained
    private var later: FractionOfVarianceUnexplained

    package init(_ sae: SparseAutoencoder) {
        self.sae = sae
        hasActed = Array(repeating: false, count: sae.latents)
        whole = FractionOfVarianceUnexplained(width: sae.width)
        later = FractionOfVarianceUnexplained(width: sae.width)
    }

    /// FVU over all tokens; nil where it is undefined.
    package var fvu: Float? { whole.value }
    /// The same without the first position of each sequence. Many models park attention there, with activations a hundred times as large
    /// as any other: their variance would be nearly all there is.
    package var fvuWithoutFirst: Float? { later.value }
    /// Latents that act, in a token's mean (L0).
    package var meanActive: Double { tokens == 0 ? 0 : Double(active) / Double(tokens) }
    /// Latents that acted at some token.
    package var latentsSeen: Int { hasActed.lazy.filter { $0 }.count }

    /// Reads what passes by at the SAE's hookpoint.
    package var tap: ActivationTap {
        ActivationTap(at: sae.hookpoint) { [self] output, input, rows, pool, workspace in
            add(output, input: input, rows: rows, pool: pool, workspace: workspace)
        }
    }

    /// Rows encoded at once: bounds the scratch `[rows, latents]` to 16 MB as far as one row allows.
    private var portion: Int { max(1, min(64, (4 << 20) / sae.latents)) }

    /// - Parameters:
    ///   - output: `[rows, d]` at the hookpoint.
    ///   - input: `[rows, d]`, what the MLP was given; only transcoders read it.
    package func add(_ output: MatrixView, input: MatrixView?, rows: UnsafePointer<RowContext>, pool: WorkerPool, workspace: Workspace) {
        guard let source = sae.transcode ? input : output else {
            preconditionFailure("a transcoder at \(sae.hookpoint) needs the MLP's input")
        }
        for start in stride(from: 0, to: output.rows, by: portion) {
            let range = start..<min(start + portion, output.rows)
            let (target, encoded) = (output.rows(range), source.rows(range))
            let mark = workspace.mark()
            let latents = sae.encode(encoded, pool: pool, workspace: workspace)
            let reconstruction = workspace.matrix(range.count, sae.width)
            sae.decode(latents, input: encoded, into: reconstruction, pool: pool, workspace: workspace)
            whole.add(target: target, reconstruction: reconstruction)
            for row in 0..<range.count {
                count(latents, row)
                guard rows[start + row].position > 0 else { continue }
                later.add(target: target.rows(row..<row + 1), reconstruction: reconstruction.rows(row..<row + 1))
            }
            workspace.release(mark)
        }
        tokens += output.rows
    }

    private func count(_ latents: LatentRows, _ row: Int) {
        let (indices, activations) = (latents.indices(row: row), latents.activations(row: row))
        for slot in 0..<latents.count(row: row) where activations[slot] > 0 {
            active += 1
            hasActed[Int(indices[slot])] = true
        }
    }
}
