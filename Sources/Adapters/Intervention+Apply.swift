import Tensors

extension Intervention {
    /// Rows encoded at once: bounds the scratch `[rows, latents]` to 16 MB as far as one row allows. Has no influence on any result.
    private var portion: Int { max(1, min(64, (4 << 20) / sae.latents)) }

    /// Reads or changes the activations `h` `[rows, d]` in place. Every row is worked on by itself.
    /// - Parameters:
    ///   - input: `[rows, d]`, what the MLP was given (after its norm). Only transcoders read it.
    ///   - rows: what each row is.
    ///   - observations: collects readings of the rows it wants; nil when nobody observes.
    package func apply(
        to h: MatrixView, input: MatrixView?, rows: UnsafePointer<RowContext>, observations: ObservationSink?, pool: WorkerPool,
        workspace: Workspace
    ) {
        let portion = portion
        var start = 0
        while start < h.rows {
            guard touches(rows[start], observations) else {
                start += 1
                continue
            }
            var end = start + 1
            while end < h.rows, end - start < portion, touches(rows[end], observations) { end += 1 }
            run(
                h.rows(start..<end), source: source(h, input).rows(start..<end), rows: rows + start, observations: observations,
                pool: pool, workspace: workspace)
            start = end
        }
    }

    /// Whether there is anything to do at a row.
    @inline(__always)
    private func touches(_ row: RowContext, _ observations: ObservationSink?) -> Bool {
        scope.contains(row) && (mode != .observe || (observations?.wants(row: Int(row.row)) ?? false))
    }

    private func source(_ h: MatrixView, _ input: MatrixView?) -> MatrixView {
        guard sae.transcode else { return h }
        guard let input else { preconditionFailure("a transcoder at \(hookpoint) needs the MLP's input") }
        return input
    }

    private func run(
        _ h: MatrixView, source: MatrixView, rows: UnsafePointer<RowContext>, observations: ObservationSink?, pool: WorkerPool,
        workspace: Workspace
    ) {
        if editsWithoutLatents, !reports(rows, h.rows, observations) {
            for row in 0..<h.rows { edit(h.row(row), nil, row: row, on: pool.instructionSet) }
            return
        }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let latents = sae.encode(source, pool: pool, workspace: workspace)
        switch mode {
        case .observe:
            report(latents, rows: rows, observations: observations, target: h, reconstruction: nil)
        case .splice:
            let reconstruction = workspace.matrix(h.rows, sae.width)
            sae.decode(latents, input: source, into: reconstruction, pool: pool, workspace: workspace)
            report(latents, rows: rows, observations: observations, target: h, reconstruction: reconstruction)
            for row in 0..<h.rows { h.row(row).update(from: reconstruction.row(row), count: sae.width) }
        case .edit:
            report(latents, rows: rows, observations: observations, target: h, reconstruction: nil)
            for row in 0..<h.rows { edit(h.row(row), latents, row: row, on: pool.instructionSet) }
        }
    }

    /// `h += strength * sum_i (a'_i - a_i) W_dec[i]`, over the named latents in the order of their first edit.
    /// - Parameter latents: nil when every change is known without them.
    private func edit(_ h: UnsafeMutablePointer<Float>, _ latents: LatentRows?, row: Int, on tier: InstructionSet) {
        for (index, edited) in editedLatents.enumerated() {
            let change = strength * (edited.change ?? self.change(edited, latents, row: row))
            guard change != 0 else { continue }
            RowOperations.axpy(change, editedRows.pointer + index * sae.width, count: sae.width, to: h, on: tier)
        }
    }

    /// `a' - a` of one latent.
    @inline(__always)
    private func change(_ edited: EditedLatent, _ latents: LatentRows?, row: Int) -> Float {
        let before = latents?.activation(row: row, latent: edited.latent) ?? 0
        var after = before
        for edit in edited.edits { after = groupedEdits[edit].apply(to: after) }
        return after - before
    }

    /// Whether any of the rows is to be read.
    private func reports(_ rows: UnsafePointer<RowContext>, _ count: Int, _ observations: ObservationSink?) -> Bool {
        guard let observations, top > 0 else { return false }
        return (0..<count).contains { observations.wants(row: Int(rows[$0].row)) }
    }

    private func report(
        _ latents: LatentRows, rows: UnsafePointer<RowContext>, observations: ObservationSink?, target: MatrixView,
        reconstruction: MatrixView?
    ) {
        guard let observations, top > 0 else { return }
        for row in 0..<latents.rows where observations.wants(row: Int(rows[row].row)) {
            let fvu = reconstruction.flatMap {
                rowFVU(
                    target: target.row(row), reconstruction: $0.row(row), mean: sae.decoderBias.pointer, width: sae.width)
            }
            observations.record(
                self, row: Int(rows[row].row), indices: latents.indices(row: row), activations: latents.activations(row: row),
                fvu: fvu)
        }
    }
}
