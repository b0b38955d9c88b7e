import Adapters

extension AdapterRegistry {
    /// Latents reported per token by `observe` when the request does not say how many.
    package static let defaultTop = 8

    /// Loads what a request names and checks every parameter, so that nothing about adapters can fail once the first token is made.
    /// Edits of one SAE that follow each other with the same hookpoint, scale and scope become one intervention.
    /// - Throws: `AdapterError`.
    package func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> AdapterSet {
        guard !selections.isEmpty else { return .none }
        guard selections.count <= Self.selectionLimit else {
            throw .tooManyAdapters(got: selections.count, limit: Self.selectionLimit)
        }
        var applied: [AppliedAdapter] = []
        for selection in Self.merged(selections) {
            let entry = try await entry(selection.name)
            if let error = entry.error { throw error }
            switch entry.summary.kind {
            case .lora?: applied.append(try await lora(selection, entry))
            case .sae?: applied.append(try await sae(selection, entry))
            case nil: throw .badFile(adapter: selection.name, file: "", problem: "it is of no known kind")
            }
        }
        return AdapterSet(applied)
    }

    private func lora(_ selection: AdapterSelection, _ entry: AdapterEntry) async throws(AdapterError) -> AppliedAdapter {
        func refuse(_ parameter: String) -> AdapterError {
            .badParameter(adapter: selection.name, parameter: parameter, problem: "is for SAEs, and this is a LoRA")
        }
        if selection.layer != nil { throw refuse("layer") }
        if selection.at != nil { throw refuse("at") }
        if selection.mode != nil { throw refuse("mode") }
        if !selection.edits.isEmpty { throw refuse("edits") }
        if selection.top != nil { throw refuse("top") }
        if selection.scope != .all { throw refuse("scope") }
        let scale = selection.scale ?? 1
        guard scale.isFinite else {
            throw .badParameter(adapter: selection.name, parameter: "scale", problem: "is \(scale), wanted a finite number")
        }
        guard case .lora(let adapter) = try await load(entry, hookpoint: nil) else {
            throw .badFile(adapter: selection.name, file: "", problem: "it changed its kind while it was loaded")
        }
        return .lora(adapter, scale: scale)
    }

    private func sae(_ selection: AdapterSelection, _ entry: AdapterEntry) async throws(AdapterError) -> AppliedAdapter {
        let mode = selection.mode ?? (selection.edits.isEmpty ? .observe : .edit)
        let hookpoint = try hookpoint(for: selection, among: entry.summary.hookpoints)
        if mode != .edit, selection.scale != nil {
            throw .badParameter(
                adapter: selection.name, parameter: "scale", problem: "is the strength of edits; here the mode is \(mode.rawValue)")
        }
        if let top = selection.top, top < 0 || (top == 0 && mode == .observe) {
            throw .badParameter(
                adapter: selection.name, parameter: "top", problem: "is \(top), wanted \(mode == .observe ? "1" : "0") or more")
        }
        guard case .sae(let sae) = try await load(entry, hookpoint: hookpoint) else {
            throw .badFile(adapter: selection.name, file: "", problem: "it changed its kind while it was loaded")
        }
        let top = selection.top ?? (mode == .observe ? Self.defaultTop : 0)
        return .sae(
            try Intervention(
                sae: sae, mode: mode, edits: selection.edits, strength: selection.scale ?? 1, scope: selection.scope, top: top))
    }

    /// The one hookpoint that `layer` and `at` leave over.
    private func hookpoint(for selection: AdapterSelection, among all: [HookPoint]) throws(AdapterError) -> HookPoint {
        let fitting = all.filter {
            (selection.layer == nil || $0.layer == selection.layer) && (selection.at == nil || $0.site == selection.at)
        }
        if fitting.count == 1 { return fitting[0] }
        if !fitting.isEmpty { throw .hookpointNeeded(adapter: selection.name, has: fitting) }
        let wanted =
            switch (selection.layer, selection.at) {
            case (let layer?, let site?): HookPoint(layer: layer, site: site).description
            case (let layer?, nil): "at layer \(layer)"
            case (nil, let site): "at '\(site?.rawValue ?? "")'"
            }
        throw .noSuchHookpoint(adapter: selection.name, wanted: wanted, has: all)
    }

    /// A header names one edit per member; a body may list several in one. Both mean the same.
    static func merged(_ selections: [AdapterSelection]) -> [AdapterSelection] {
        var result: [AdapterSelection] = []
        for selection in selections {
            if let last = result.last, last.canMerge(with: selection) {
                result[result.count - 1].edits += selection.edits
                result[result.count - 1].top = last.top ?? selection.top
            } else {
                result.append(selection)
            }
        }
        return result
    }
}
