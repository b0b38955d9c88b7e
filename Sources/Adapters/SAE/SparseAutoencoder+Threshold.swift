import Tensors

extension SparseAutoencoder {
    /// Selects the latents that pass their thresholds. A row takes the memory of M pre-activations and M numbers, whatever acts; callers
    /// bound the rows (`rowsAtOnce`).
    func encode(_ x: MatrixView, _ threshold: LatentThreshold, pool: WorkerPool, workspace: Workspace) -> LatentRows {
        guard case .dense(let encoder) = self.encoder else { preconditionFailure("thresholds need every pre-activation") }
        let preactivations = workspace.matrix(x.rows, latents)
        let stride = preactivations.stride
        let indices = workspace.allocate(Int32.self, x.rows * stride)
        let counts = workspace.allocate(Int32.self, x.rows)
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        encoder.multiply(centred(x, workspace), into: preactivations, pool: pool, workspace: workspace)
        pool.parallel(x.rows) { row in
            counts[row] = Int32(truncatingIfNeeded: threshold.select(preactivations.row(row), indices: indices + row * stride))
        }
        return LatentRows(rows: x.rows, k: stride, indices: indices, activations: preactivations.pointer, counts: counts)
    }

    /// The rows as they are encoded: normalised, and `b_dec` subtracted if this SAE does so.
    func centred(_ x: MatrixView, _ workspace: Workspace) -> MatrixView {
        guard isCentred else { return normalised(x, workspace) }
        let result = workspace.matrix(x.rows, width)
        let bias = decoderBias.pointer
        let source = normalisation == .none ? x : result
        for row in 0..<x.rows {
            if normalisation != .none { normalisation.apply(to: x.row(row), width: width, into: result.row(row)) }
            let (from, to) = (source.row(row), result.row(row))
            for column in 0..<width { to[column] = from[column] - bias[column] }
        }
        return result
    }

    /// The rows in the SAE's units: `x` itself where it does not normalise.
    func normalised(_ x: MatrixView, _ workspace: Workspace) -> MatrixView {
        guard normalisation != .none else { return x }
        let result = workspace.matrix(x.rows, width)
        for row in 0..<x.rows { normalisation.apply(to: x.row(row), width: width, into: result.row(row)) }
        return result
    }

    /// What brings a row's reconstruction back from the SAE's units. A transcoder's output has no part in how its input was normalised.
    func outputScale(of source: UnsafePointer<Float>) -> InputNormalisation.Scale {
        transcode ? InputNormalisation.Scale() : normalisation.scale(of: source, width: width)
    }

    /// Brings a decoded row back to the units of `source`, which was encoded.
    func denormalise(_ y: UnsafeMutablePointer<Float>, like source: UnsafePointer<Float>) {
        guard normalisation != .none, !transcode else { return }
        let scale = outputScale(of: source)
        for column in 0..<width { y[column] = y[column] * scale.factor + scale.shift }
    }
}
