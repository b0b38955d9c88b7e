import Tensors

extension SparseAutoencoder {
    /// Rows encoded at once: bounds the scratch `[rows, latents]` to 16 MB as far as one row allows, and to twice that where a threshold
    /// selects, as any number of latents may act. Has no influence on any result.
    var rowsAtOnce: Int { max(1, min(64, (4 << 20) / latents)) }

    /// What it encodes at its hookpoint: the activations `h` themselves, or what the MLP was given.
    func source(_ h: MatrixView, _ input: MatrixView?) -> MatrixView {
        guard transcode else { return h }
        guard let input else { preconditionFailure("a transcoder at \(hookpoint) needs the MLP's input") }
        return input
    }

    /// Selects the latents of every row of `x` `[tokens, d]`. The result lives in `workspace`.
    package func encode(_ x: MatrixView, pool: WorkerPool, workspace: Workspace) -> LatentRows {
        if let threshold { return encode(x, threshold, pool: pool, workspace: workspace) }
        let rows = x.rows
        let selected = LatentRows(
            rows: rows, k: k, indices: workspace.allocate(Int32.self, rows * k), activations: workspace.allocate(Float.self, rows * k))
        let encoder: PackedMatrix
        switch self.encoder {
        case .shortlisted(let encoder):
            let mark = workspace.mark()
            defer { workspace.release(mark) }
            encoder.select(
                normalised(x, workspace), centre: isCentred ? UnsafePointer(decoderBias.pointer) : nil, k: k, indices: selected.indices,
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
        case .relu, .jumprelu, .gated: preconditionFailure("\(activation) selects by a threshold")
        }
        for slot in 0..<k { activations[slot] = activations[slot] > 0 ? activations[slot] : 0 }
    }

    /// Reconstructs one row: `sum_i a_i W_dec[i] + b_dec`, summed in the order of the slots, without the skip connection.
    private func decode(
        indices: UnsafePointer<Int32>, activations: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>,
        on tier: InstructionSet
    ) {
        y.update(from: decoderBias.pointer, count: width)
        decoder.add(indices, factors: activations, count: count, to: y, on: tier)
    }

    /// Reconstructs rows from their latents into `y` `[tokens, d]`. `x` is what was encoded; the skip connection reads it.
    /// `y` must not overlap `x`.
    package func decode(_ rows: LatentRows, input x: MatrixView, into y: MatrixView, pool: WorkerPool, workspace: Workspace) {
        pool.parallel(rows.rows) { row in
            decode(
                indices: rows.indices(row: row), activations: rows.activations(row: row), count: rows.count(row: row), into: y.row(row),
                on: pool.instructionSet)
            denormalise(y.row(row), like: x.row(row))
        }
        if let skipMatrix {
            skipMatrix.multiply(x, into: y, .add(scale: 1), pool: pool, workspace: workspace)
        }
    }
}
