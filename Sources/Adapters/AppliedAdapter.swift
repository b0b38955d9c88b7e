/// One adapter as one request applies it.
package enum AppliedAdapter: Sendable {
    /// `scale` multiplies the adapter's own scale.
    case lora(LoRAAdapter, scale: Float)
    case sae(Intervention)

    package enum Kind: String, Sendable, CaseIterable { case lora, sae }

    package var name: String {
        switch self {
        case .lora(let adapter, _): adapter.name
        case .sae(let intervention): intervention.sae.name
        }
    }

    package var digest: String {
        switch self {
        case .lora(let adapter, _): adapter.digest
        case .sae(let intervention): intervention.sae.digest
        }
    }

    /// Whether anything is computed differently because of it.
    var changesActivations: Bool {
        if case .sae(let intervention) = self { intervention.mode != .observe } else { true }
    }

    /// Whether it does something else on the prompt than on the answer.
    var distinguishesPrompt: Bool {
        guard case .sae(let intervention) = self else { return false }
        return intervention.scope == .prompt || intervention.scope == .generated
    }

    /// Equal for two that do the same: name, digest and every parameter, numbers by their bits.
    var key: String {
        let identity = "\(name.utf8.count):\(name)@\(digest)"
        switch self {
        case .lora(_, let scale):
            return "\(identity);lora;\(scale.bitPattern)"
        case .sae(let intervention):
            let edits = intervention.edits.map { "\($0.latent)\($0.op.rawValue)\($0.value.bitPattern)" }.joined(separator: ",")
            return "\(identity);sae;\(intervention.hookpoint);\(intervention.mode.rawValue);\(intervention.strength.bitPattern);"
                + "\(intervention.scope);\(intervention.top);\(edits)"
        }
    }

    /// What the answer says about it.
    package var report: AppliedReport {
        switch self {
        case .lora(let adapter, let scale):
            AppliedReport(
                name: adapter.name, digest: adapter.digest, kind: .lora, scale: scale, hookpoint: nil, mode: nil, edits: [],
                scope: nil, top: nil)
        case .sae(let intervention):
            AppliedReport(
                name: intervention.sae.name, digest: intervention.sae.digest, kind: .sae,
                scale: intervention.mode == .edit ? intervention.strength : nil, hookpoint: intervention.hookpoint,
                mode: intervention.mode, edits: intervention.edits, scope: intervention.scope,
                top: intervention.top > 0 ? intervention.top : nil)
        }
    }
}

/// What was really applied to an answer. Fields that do not go with the kind or mode are nil.
package struct AppliedReport: Sendable, Equatable {
    package var name: String
    package var digest: String
    package var kind: AppliedAdapter.Kind
    /// Strength of a LoRA or of an edit.
    package var scale: Float?
    package var hookpoint: HookPoint?
    package var mode: InterventionMode?
    package var edits: [LatentEdit]
    package var scope: InterventionScope?
    package var top: Int?
}
