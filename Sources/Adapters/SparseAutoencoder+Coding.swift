import Tensors

extension SparseAutoencoder {
    /// Selects the latents of every row of `x` `[tokens, d]`. The result lives in `workspace`.
    package func encode(_ x: MatrixView, pool: WorkerPool, workspace: Workspace) -> LatentRows {
        let rows = x.rows
        let selected = LatentRows(
            rows: rows, k: k, indices: workspace.allocate(Int32.self, rows * k), activations: workspace.allocate(Float.self, rows * k))
        let encoder: PackedMatrix
        switch self.encoder {
        case .shortlisted(let encoder):
            encoder.select(
                x, centre: transcode ? nil : UnsafePointer(decoderBias.pointer), k: k, indices: selected.indices,
                activations: selected.activations, pool: pool, workspace: workspace)
            return selected
        case .dense(let matrix): encoder = matrix
        }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let preactivations = workspace.matrix(rows, latents)
        encoder.multiply(
            centred(x, workspace), into: preactivations, bias: UnsafePointer(encoderBias.pointer), pool: pool, workspace: workspace)
        pool.parallel(rows) { row in
            select(
                preactivations.row(row), indices: selected.indices(row: row), activations: selected.activations(row: row),
                on: pool.instructionSet)
        }
        return selected
    }

    /// `x - b_dec` for an autoencoder, `x` itself for a transcoder.
    private func centred(_ x: MatrixView, _ workspace: Workspace) -> MatrixView {
        guard !transcode else { return x }
        let result = workspace.matrix(x.rows, width)
        let bias = decoderBias.pointer
        for row in 0..<x.rows {
            let source = x.row(row)
            let destination = result.row(row)
            for column in 0..<width { destination[column] = source[column] - bias[column] }
        }
        return result
    }

    /// The reference applies ReLU to all latents and then selects; to select first and apply it to what was selected gives the same
    /// activations, and the same latents except in slots whose activation is 0.
    private func select(
        _ preactivations: UnsafePointer<Float>, indices: UnsafeMutablePointer<Int32>, activations: UnsafeMutablePointer<Float>,
        on tier: InstructionSet
    ) {
        switch activation {
        case .topk:
            let found = RowOperations.topK(preactivations, count: latents, k: k, into: indices, values: activations, on: tier)
            for slot in found..<k {
                indices[slot] = 0
                activations[slot] = 0
            }
        case .groupmax:
            RowOperations.groupMax(preactivations, count: latents, groups: k, into: indices, values: activations, on: tier)
        }
        for slot in 0..<k { activations[slot] = activations[slot] > 0 ? activations[slot] : 0 }
    }

    /// Reconstructs one row: `sum_i a_i W_dec[i] + b_dec`, summed in the order of the slots, without the skip connection.
    private func decode(
        indices: UnsafePointer<Int32>, activations: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, on tier: InstructionSet
    ) {
        y.update(from: decoderBias.pointer, count: width)
        decoder.add(indices, factors: activations, count: k, to: y, on: tier)
    }

    /// Reconstructs rows from their latents into `y` `[tokens, d]`. `x` is what was encoded; the skip connection reads it.
    /// `y` must not overlap `x`.
    package func decode(_ rows: LatentRows, input x: MatrixView, into y: MatrixView, pool: WorkerPool, workspace: Workspace) {
        pool.parallel(rows.rows) { row in
            decode(
                indices: rows.indices(row: row), activations: rows.activations(row: row), into: y.row(row), on: pool.instructionSet)
        }
        if let skipMatrix {
            skipMatrix.multiply(x, into: y, .add(scale: 1), pool: pool, workspace: workspace)
        }
    }
}
