import Tensors

extension Intervention {
    /// Reads or changes the activations `h` `[rows, d]` in place. Every row is worked on by itself.
    /// - Parameters:
    ///   - input: `[rows, d]`, what the MLP was given (after its norm). Only transcoders read it.
    ///   - rows: what each row is.
    ///   - gate: conditions on other SAEs; its own SAE's condition is found here.
    ///   - splice: which of the rows' `fits` is for this intervention.
    ///   - observations: collects readings of the rows it wants; nil when nobody observes.
    package func apply(
        to h: MatrixView, input: MatrixView?, rows: UnsafePointer<RowContext>, gate: ConditionGate = .open, splice: Int = 0,
        observations: ObservationSink?, pool: WorkerPool, workspace: Workspace
    ) {
        let source = sae.source(h, input)
        forEachRun(in: h.rows, atMost: sae.rowsAtOnce, where: { touches(rows[$0], gate, observations) }) { run in
            self.run(
                h.rows(run), source: source.rows(run), rows: rows + run.lowerBound, gate: gate, splice: splice, observations: observations,
                pool: pool, workspace: workspace)
        }
    }

    /// Whether there is anything to do at a row.
    @inline(__always)
    private func touches(_ row: RowContext, _ gate: ConditionGate, _ observations: ObservationSink?) -> Bool {
        guard scope.contains(row) else { return false }
        if mode != .observe, gate.isOpen(row) { return true }
        return top > 0 && (observations?.wants(row: Int(row.row)) ?? false)
    }

    /// Whether the conditions hold at a row.
    @inline(__always)
    private func acts(_ row: Int, _ rows: UnsafePointer<RowContext>, _ gate: ConditionGate, _ latents: LatentRows) -> Bool {
        guard gate.isOpen(rows[row]) else { return false }
        guard let ownCondition else { return true }
        return ownCondition.holds(latents, row: row)
    }

    private func run(
        _ h: MatrixView, source: MatrixView, rows: UnsafePointer<RowContext>, gate: ConditionGate, splice: Int,
        observations: ObservationSink?, pool: WorkerPool, workspace: Workspace
    ) {
        if editsWithoutLatents, !reports(rows, h.rows, observations) {
            // Nobody is to be told anything, so whatever is touched acts.
            for row in 0..<h.rows { edit(h.row(row), nil, source: source.row(row), row: row, on: pool.instructionSet) }
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
            for row in 0..<h.rows where acts(row, rows, gate, latents) {
                rows[row].fits?[splice].add(rows[row], target: h.row(row), reconstruction: reconstruction.row(row))
                h.row(row).update(from: reconstruction.row(row), count: sae.width)
            }
        case .edit:
            report(latents, rows: rows, observations: observations, target: h, reconstruction: nil)
            for row in 0..<h.rows where acts(row, rows, gate, latents) {
                edit(h.row(row), latents, source: source.row(row), row: row, on: pool.instructionSet)
            }
        }
    }

    /// `h += strength * sum_i (a'_i - a_i) W_dec[i]`, over the named latents in the order of their first edit. An SAE that normalises
    /// decodes in units of its own; the change is brought back to those of `h`.
    /// - Parameter latents: nil when every change is known without them.
    private func edit(
        _ h: UnsafeMutablePointer<Float>, _ latents: LatentRows?, source: UnsafePointer<Float>, row: Int, on tier: InstructionSet
    ) {
        let strength = strength * sae.outputScale(of: source).factor
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
                    target: target.row(row), reconstruction: $0.row(row), mean: sae.decoderBias.pointer,
                    scale: sae.outputScale(of: target.row(row)), width: sae.width)
            }
            observations.record(
                self, row: Int(rows[row].row), indices: latents.indices(row: row), activations: latents.activations(row: row),
                count: latents.count(row: row), fvu: fvu)
        }
    }
}
