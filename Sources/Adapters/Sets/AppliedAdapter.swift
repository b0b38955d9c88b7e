/// One adapter as one request applies it.
package enum AppliedAdapter: Sendable {
    /// `scale` multiplies the adapter's own scale.
    case lora(LoRAAdapter, scale: Float)
    case sae(Intervention)
    case vector(Steering)

    package enum Kind: String, Sendable, CaseIterable { case lora, sae, vector }

    package var name: String {
        switch self {
        case .lora(let adapter, _): adapter.name
        case .sae(let intervention): intervention.sae.name
        case .vector(let steering): steering.vectors.name
        }
    }

    package var digest: String {
        switch self {
        case .lora(let adapter, _): adapter.digest
        case .sae(let intervention): intervention.sae.digest
        case .vector(let steering): steering.vectors.digest
        }
    }

    /// Whether anything is computed differently because of it.
    package var changesActivations: Bool {
        switch self {
        case .lora: true
        case .sae(let intervention): intervention.mode != .observe
        case .vector(let steering): steering.scale != 0
        }
    }

    /// Whether it does something else on the prompt than on the answer.
    var distinguishesPrompt: Bool { scope.map { $0.part != .all } ?? false }

    /// The tokens it is for; nil for a LoRA, which knows no scope.
    package var scope: InterventionScope? {
        switch self {
        case .lora: nil
        case .sae(let intervention): intervention.scope
        case .vector(let steering): steering.scope
        }
    }

    /// It acts only where this holds.
    var condition: LatentCondition? {
        switch self {
        case .lora: nil
        case .sae(let intervention): intervention.condition
        case .vector(let steering): steering.condition
        }
    }

    /// Equal for two that do the same: name, digest and every parameter, numbers by their bits.
    var key: String {
        let identity = "\(name.utf8.count):\(name)@\(digest)"
        let condition = condition.map { ";when=\($0.key)" } ?? ""
        switch self {
        case .lora(_, let scale):
            return "\(identity);lora;\(scale.bitPattern)"
        case .sae(let intervention):
            let edits = intervention.edits.map { "\($0.latent)\($0.op.rawValue)\($0.value.bitPattern)" }.joined(separator: ",")
            return "\(identity);sae;\(intervention.hookpoint);\(intervention.mode.rawValue);\(intervention.strength.bitPattern);"
                + "\(intervention.scope);\(intervention.top);\(edits)\(condition)"
        case .vector(let steering):
            let places = steering.hookpoints.map(\.description).joined(separator: ",")
            return "\(identity);vector;\(places);\(steering.scale.bitPattern);\(steering.scope)\(condition)"
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
                top: intervention.top > 0 ? intervention.top : nil, condition: condition?.report)
        case .vector(let steering):
            AppliedReport(
                name: steering.vectors.name, digest: steering.vectors.digest, kind: .vector, scale: steering.scale,
                hookpoint: steering.hookpoints.count == 1 ? steering.hookpoints.first : nil, mode: nil, edits: [], scope: steering.scope,
                top: nil, condition: condition?.report)
        }
    }
}

/// What was really applied to an answer. Fields that do not go with the kind or mode are nil.
package struct AppliedReport: Sendable, Equatable {
    package var name: String
    package var digest: String
    package var kind: AppliedAdapter.Kind
    /// Strength of a LoRA, of an edit or of a steering vector.
    package var scale: Float?
    /// Nil where there are several.
    package var hookpoint: HookPoint?
    package var mode: InterventionMode?
    package var edits: [LatentEdit]
    package var scope: InterventionScope?
    package var top: Int?
    package var condition: AppliedCondition?
}
