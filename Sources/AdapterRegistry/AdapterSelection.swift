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
    /// Strongest latents to report per token.
    package var top: Int?

    package init(
        name: String, scale: Float? = nil, layer: Int? = nil, at: HookPoint.Site? = nil, mode: InterventionMode? = nil,
        edits: [LatentEdit] = [], scope: InterventionScope = .all, top: Int? = nil
    ) {
        self.name = AdapterReference.canonical(name)
        self.scale = scale
        self.layer = layer
        self.at = at
        self.mode = mode
        self.edits = edits
        self.scope = scope
        self.top = top
    }

    /// Whether both only edit, in the same place and way.
    func canMerge(with other: AdapterSelection) -> Bool {
        name == other.name && layer == other.layer && at == other.at && scale == other.scale && scope == other.scope
            && !edits.isEmpty && !other.edits.isEmpty && mode ?? .edit == .edit && other.mode ?? .edit == .edit
            && (top == nil || other.top == nil || top == other.top)
    }
}
