import Adapters

/// What a request says about one adapter, whether in a header, in the body or as a model name. What it leaves out is nil.
package struct AdapterSelection: Sendable, Equatable {
    /// Never with the tag `latest`, which may be left out.
    package var name: String
    /// Strength of a LoRA or of edits; 1 when left out.
    package var scale: Float?
    /// Which of an SAE's hookpoints; may be left out when there is only one to choose.
    package var layer: Int?
    package var at: HookPoint.Site?
    /// `edit` when left out and there are edits, else `observe`.
    package var mode: InterventionMode?
    package var edits: [LatentEdit]
    package var scope: InterventionScope
    /// Where edits, splices and vectors act; everywhere in scope when left out.
    package var when: ConditionSelection?
    /// Strongest latents to report per token.
    package var top: Int?

    package init(
        name: String, scale: Float? = nil, layer: Int? = nil, at: HookPoint.Site? = nil, mode: InterventionMode? = nil,
        edits: [LatentEdit] = [], scope: InterventionScope = .all, when: ConditionSelection? = nil, top: Int? = nil
    ) {
        self.name = AdapterReference.canonical(name)
        self.scale = scale
        self.layer = layer
        self.at = at
        self.mode = mode
        self.edits = edits
        self.scope = scope
        self.when = when
        self.top = top
    }

    /// Whether both only edit, in the same place and way.
    func canMerge(with other: AdapterSelection) -> Bool {
        name == other.name && layer == other.layer && at == other.at && scale == other.scale && scope == other.scope
            && when == other.when && !edits.isEmpty && !other.edits.isEmpty && mode ?? .edit == .edit && other.mode ?? .edit == .edit
            && (top == nil || other.top == nil || top == other.top)
    }
}

/// What a request says about the latent that must act for an adapter to act.
package struct ConditionSelection: Sendable, Equatable {
    package var latent: Int
    /// It must act more strongly than this.
    package var above: Float
    /// An SAE of another name; the adapter itself when left out.
    package var adapter: String?
    /// Which of its hookpoints; where the adapter itself acts, when that is meant and both are left out.
    package var layer: Int?
    package var at: HookPoint.Site?

    package init(latent: Int, above: Float, adapter: String? = nil, layer: Int? = nil, at: HookPoint.Site? = nil) {
        self.latent = latent
        self.above = above
        self.adapter = adapter.map(AdapterReference.canonical)
        self.layer = layer
        self.at = at
    }
}

extension [AdapterSelection] {
    /// Adds `next`, or its edits to the selection they belong to: one with the very same condition, so that none comes to an edit by itself.
    /// - Returns: false, with nothing changed, where both have edits but scale, mode, top or scope differ.
    package mutating func merge(_ next: AdapterSelection) -> Bool {
        guard !next.edits.isEmpty,
            let index = lastIndex(where: {
                $0.name == next.name && !$0.edits.isEmpty && $0.when == next.when && ($0.layer == next.layer || next.layer == nil)
                    && ($0.at == next.at || next.at == nil)
            })
        else {
            append(next)
            return true
        }
        var merged = self[index]
        func agrees<T: Equatable>(_ one: T?, _ other: T?) -> Bool { one == nil || other == nil || one == other }
        guard agrees(merged.scale, next.scale), agrees(merged.mode, next.mode), agrees(merged.top, next.top),
            next.scope == AdapterSelection(name: "").scope || next.scope == merged.scope
        else { return false }
        merged.scale = merged.scale ?? next.scale
        merged.mode = merged.mode ?? next.mode
        merged.top = merged.top ?? next.top
        merged.edits += next.edits
        self[index] = merged
        return true
    }
}
