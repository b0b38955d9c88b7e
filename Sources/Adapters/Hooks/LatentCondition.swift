import Tensors

/// Something is done only at tokens where a latent acts more strongly than `above`. Immutable.
///
/// It is read at the SAE's own hookpoint, which must not come after the place of what it is for, on what everything before it in the
/// request has left there. It depends on a token's activations alone: the same alone, in any batch and whatever is taken from a cache.
package final class LatentCondition: Sendable {
    package let sae: SparseAutoencoder
    package let latent: Int
    /// In units of the latent's activation, which is 0 for a latent that is not selected.
    package let above: Float

    /// - Throws: `AdapterError.latentOutOfRange`, or `.badParameter` for a threshold that is negative or no number.
    package init(sae: SparseAutoencoder, latent: Int, above: Float) throws(AdapterError) {
        guard (0..<sae.latents).contains(latent) else {
            throw .latentOutOfRange(adapter: sae.name, latent: latent, latents: sae.latents)
        }
        guard above.isFinite, above >= 0 else {
            throw .badParameter(
                adapter: sae.name, parameter: "when.above",
                problem: "is \(above), wanted a number of at least 0: an activation is never below")
        }
        self.sae = sae
        self.latent = latent
        self.above = above
    }

    package var hookpoint: HookPoint { sae.hookpoint }

    /// - Throws: `AdapterError.badParameter` when it can only be read after the pass has been at `hookpoint`.
    func check(before hookpoint: HookPoint, adapter: String) throws(AdapterError) {
        guard self.hookpoint <= hookpoint else {
            throw .badParameter(
                adapter: adapter, parameter: "when",
                problem: "reads \(sae.name) at \(self.hookpoint), which comes after \(hookpoint); name a hookpoint that does not")
        }
    }

    /// Whether it holds for a row of what its SAE has encoded.
    @inline(__always)
    func holds(_ latents: LatentRows, row: Int) -> Bool {
        latents.activation(row: row, latent: Int32(truncatingIfNeeded: latent)) > above
    }

    /// Sets `bit` in the rows in scope where it holds. The activations `h` `[rows, d]` stay as they are.
    func read(
        _ h: MatrixView, input: MatrixView?, rows: UnsafeMutablePointer<RowContext>, scope: InterventionScope, bit: UInt32,
        pool: WorkerPool, workspace: Workspace
    ) {
        let source = sae.source(h, input)
        forEachRun(in: h.rows, atMost: sae.rowsAtOnce, where: { scope.contains(rows[$0]) }) { run in
            let mark = workspace.mark()
            defer { workspace.release(mark) }
            let latents = sae.encode(source.rows(run), pool: pool, workspace: workspace)
            for row in run where holds(latents, row: row - run.lowerBound) { rows[row].conditions |= bit }
        }
    }

    var key: String { "\(sae.name.utf8.count):\(sae.name)@\(sae.digest);\(hookpoint);\(latent)>\(above.bitPattern)" }

    var report: AppliedCondition {
        AppliedCondition(adapter: sae.name, digest: sae.digest, hookpoint: hookpoint, latent: latent, above: above)
    }
}

/// The condition under which something was applied.
package struct AppliedCondition: Sendable, Equatable {
    package var adapter: String
    package var digest: String
    package var hookpoint: HookPoint
    package var latent: Int
    package var above: Float
}

/// The conditions that must have been found to hold before an action acts at a row: all bits of `required`.
package struct ConditionGate: Sendable {
    package static let open = ConditionGate(required: 0)
    let required: UInt32

    @inline(__always)
    func isOpen(_ row: RowContext) -> Bool { row.conditions & required == required }
}

/// Calls `body` with rows that follow each other and are all wanted, as long runs as there are, up to `limit`.
@inline(__always)
func forEachRun(in rows: Int, atMost limit: Int, where isWanted: (Int) -> Bool, _ body: (Range<Int>) -> Void) {
    var start = 0
    while start < rows {
        guard isWanted(start) else {
            start += 1
            continue
        }
        var end = start + 1
        while end < rows, end - start < limit, isWanted(end) { end += 1 }
        body(start..<end)
        start = end
    }
}
