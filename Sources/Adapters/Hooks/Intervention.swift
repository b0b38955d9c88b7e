import Tensors

/// What one request does with one SAE at its hookpoint. Immutable.
package final class Intervention: Sendable {
    package let sae: SparseAutoencoder
    package let mode: InterventionMode
    /// In the order given. Several edits of one latent apply one after the other to its activation.
    package let edits: [LatentEdit]
    /// Factor on the change of an edit; 1 for the other modes.
    package let strength: Float
    package let scope: InterventionScope
    /// It acts only where this holds.
    package let condition: LatentCondition?
    /// Latents to report per token; 0 reports nothing.
    package let top: Int

    /// One named latent: its edits, and where its decoder row lies in `editedRows`.
    struct EditedLatent: Sendable {
        let latent: Int32
        let edits: Range<Int>
        /// The sum of the values when all edits are `add`: the change whatever the activation is, so none has to be known. (In f32
        /// `(a + v) - a` may differ from `v` in its last bits; the change is defined as the sum of the values, with or without encoding.)
        let change: Float?
    }

    /// The named latents, in the order of their first edit.
    let editedLatents: [EditedLatent]
    /// The edits, grouped by latent.
    let groupedEdits: [LatentEdit]
    /// W_dec rows of the named latents as f32 `[editedLatents.count, d]`.
    let editedRows: AlignedBuffer<Float>

    /// - Parameter condition: reads this SAE or another one, at no later hookpoint.
    /// - Throws: `AdapterError.latentOutOfRange` or `.badParameter` for what the SAE cannot do.
    package init(
        sae: SparseAutoencoder, mode: InterventionMode, edits: [LatentEdit] = [], strength: Float = 1, scope: InterventionScope = .all,
        condition: LatentCondition? = nil, top: Int = 0
    ) throws(AdapterError) {
        try Self.validate(sae: sae, mode: mode, edits: edits, strength: strength, top: top)
        if let condition {
            guard mode != .observe else {
                throw .badParameter(
                    adapter: sae.name, parameter: "when", problem: "says where edits and splices act; observe changes nothing")
            }
            try condition.check(before: sae.hookpoint, adapter: sae.name)
        }
        self.condition = condition
        self.sae = sae
        self.mode = mode
        self.edits = edits
        self.strength = strength
        self.scope = scope
        self.top = min(top, sae.k)

        var order: [Int] = []
        var byLatent: [Int: [LatentEdit]] = [:]
        for edit in edits {
            if byLatent[edit.latent] == nil { order.append(edit.latent) }
            byLatent[edit.latent, default: []].append(edit)
        }
        var edited: [EditedLatent] = []
        var grouped: [LatentEdit] = []
        let rows = AlignedBuffer<Float>(count: order.count * sae.width)
        for (index, latent) in order.enumerated() {
            let start = grouped.count
            grouped.append(contentsOf: byLatent[latent] ?? [])
            let own = grouped[start...]
            let change: Float? = own.allSatisfy { $0.op == .add } ? own.reduce(0) { $0 + $1.value } : nil
            edited.append(EditedLatent(latent: Int32(latent), edits: start..<grouped.count, change: change))
            sae.copyDecoderRow(latent, into: rows.pointer + index * sae.width)
        }
        editedLatents = edited
        groupedEdits = grouped
        editedRows = rows
    }

    /// Whether rows that nobody observes can be edited without knowing their latents.
    var editsWithoutLatents: Bool { mode == .edit && ownCondition == nil && editedLatents.allSatisfy { $0.change != nil } }

    /// The condition, where it needs no encoding but this SAE's own.
    var ownCondition: LatentCondition? {
        guard let condition, condition.sae === sae else { return nil }
        return condition
    }

    package var hookpoint: HookPoint { sae.hookpoint }

    /// Most edits that one intervention may hold.
    package static let editLimit = 256

    private static func validate(
        sae: SparseAutoencoder, mode: InterventionMode, edits: [LatentEdit], strength: Float, top: Int
    ) throws(AdapterError) {
        func bad(_ parameter: String, _ problem: String) -> AdapterError {
            .badParameter(adapter: sae.name, parameter: parameter, problem: problem)
        }
        guard strength.isFinite else { throw bad("scale", "is \(strength), wanted a finite number") }
        guard mode == .edit || strength == 1 else { throw bad("scale", "only goes with mode edit, here it is \(mode.rawValue)") }
        guard mode == .edit || edits.isEmpty else { throw bad("edits", "only go with mode edit, here it is \(mode.rawValue)") }
        guard mode != .edit || !edits.isEmpty else { throw bad("edits", "are missing; mode edit needs at least one") }
        guard edits.count <= editLimit else { throw bad("edits", "are \(edits.count), the limit is \(editLimit)") }
        guard top >= 0, mode != .observe || top > 0 else {
            throw bad("top", "is \(top), wanted \(mode == .observe ? "1" : "0") or more")
        }
        for edit in edits {
            guard (0..<sae.latents).contains(edit.latent) else {
                throw .latentOutOfRange(adapter: sae.name, latent: edit.latent, latents: sae.latents)
            }
            guard edit.value.isFinite else { throw bad("value", "is \(edit.value), wanted a finite number") }
            guard edit.op != .ablate || edit.value == 0 else { throw bad("value", "does not go with op ablate, which sets 0") }
            guard edit.op != .clamp || edit.value >= 0 else { throw bad("value", "is \(edit.value), wanted 0 or more for op clamp") }
        }
    }
}
