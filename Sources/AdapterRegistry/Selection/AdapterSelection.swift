import Adapters

/// What a request says about one adapter, however it is spelled: in a header, in the body, on the command line or as a model name. What it leaves
/// out is nil. `SelectionList` reads it.
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
