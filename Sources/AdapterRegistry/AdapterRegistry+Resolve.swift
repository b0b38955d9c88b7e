import Adapters

extension AdapterRegistry {
    /// Latents reported per token by `observe` when the request does not say how many.
    package static let defaultTop = 8

    /// Loads what a request names and checks every parameter, so that nothing about adapters can fail once the first token is made.
    /// Edits of one SAE that follow each other with the same hookpoint, scale and scope become one intervention. However often a request
    /// names an adapter, it gets one version of it, and keeps that to its end.
    /// - Throws: `AdapterError`.
    package func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> AdapterSet {
        guard !selections.isEmpty else { return .none }
        guard selections.count <= Self.selectionLimit else {
            throw .tooManyAdapters(got: selections.count, limit: Self.selectionLimit)
        }
        var merged: [AdapterSelection] = []
        for selection in selections { merged.appendOrJoin(selection) }
        var attempt = 1
        while true {
            var entries: [String: AdapterEntry] = [:]
            for name in merged.map(\.name) where entries[name] == nil { entries[name] = try await entry(name, acceptsOld: attempt == 1) }
            do throws(AdapterError) {
                return try await resolve(merged, entries)
            } catch {
                // Files that were replaced between the look at them and the loading: the new ones are as good.
                guard attempt < Self.attemptLimit, entries.values.contains(where: { $0.error == nil && $0.isStale }) else { throw error }
                attempt += 1
            }
        }
    }

    private static let attemptLimit = 4

    private func resolve(_ selections: [AdapterSelection], _ entries: [String: AdapterEntry]) async throws(AdapterError) -> AdapterSet {
        var applied: [AppliedAdapter] = []
        var leases: [AdapterLease] = []
        for selection in selections {
            guard let entry = entries[selection.name] else { throw .unknown(name: selection.name, near: []) }
            if let error = entry.error { throw error }
            switch entry.summary.kind {
            case .lora?: applied.append(try await lora(selection, entry, &leases))
            case .sae?: applied.append(try await sae(selection, entry, &leases))
            case .vector?: applied.append(try await vector(selection, entry, &leases))
            case nil: throw .badFile(adapter: selection.name, file: "", problem: "it is of no known kind")
            }
        }
        return AdapterSet(applied, keepers: leases)
    }

    private func load(
        _ entry: AdapterEntry, hookpoint: HookPoint?, _ leases: inout [AdapterLease]
    ) async throws(AdapterError) -> LoadedAdapter {
        let (adapter, lease) = try await load(entry, hookpoint: hookpoint, isRequest: true)
        leases.append(lease)
        return adapter
    }

    private func lora(
        _ selection: AdapterSelection, _ entry: AdapterEntry, _ leases: inout [AdapterLease]
    ) async throws(AdapterError) -> AppliedAdapter {
        try refuse(selection, "this is a LoRA", ["layer", "at", "mode", "edits", "top", "scope", "when"])
        let scale = selection.scale ?? 1
        guard scale.isFinite else {
            throw .badParameter(adapter: selection.name, parameter: "scale", problem: "is \(scale), wanted a finite number")
        }
        guard case .lora(let adapter) = try await load(entry, hookpoint: nil, &leases) else {
            throw .badFile(adapter: selection.name, file: "", problem: "it changed its kind while it was loaded")
        }
        return .lora(adapter, scale: scale)
    }

    /// Refuses those of the parameters that the selection gives.
    private func refuse(_ selection: AdapterSelection, _ what: String, _ parameters: [String]) throws(AdapterError) {
        let given: [(parameter: String, isGiven: Bool, owners: String)] = [
            ("layer", selection.layer != nil, "SAEs and steering vectors"), ("at", selection.at != nil, "SAEs and steering vectors"),
            ("mode", selection.mode != nil, "SAEs"), ("edits", !selection.edits.isEmpty, "SAEs"), ("top", selection.top != nil, "SAEs"),
            ("scope", selection.scope != .all, "SAEs and steering vectors"), ("when", selection.when != nil, "SAEs and steering vectors"),
        ]
        for (parameter, isGiven, owners) in given where isGiven && parameters.contains(parameter) {
            throw .badParameter(adapter: selection.name, parameter: parameter, problem: "is for \(owners), and \(what)")
        }
    }

    private func vector(
        _ selection: AdapterSelection, _ entry: AdapterEntry, _ leases: inout [AdapterLease]
    ) async throws(AdapterError) -> AppliedAdapter {
        try refuse(selection, "this is a steering vector", ["mode", "edits", "top"])
        let hookpoints = try fitting(selection, among: entry.summary.hookpoints)
        guard case .vector(let vectors) = try await load(entry, hookpoint: nil, &leases) else {
            throw .badFile(adapter: selection.name, file: "", problem: "it changed its kind while it was loaded")
        }
        return .vector(
            try Steering(
                vectors, hookpoints: hookpoints, scale: selection.scale ?? 1, scope: selection.scope,
                condition: try await condition(of: selection, own: nil, &leases)))
    }

    private func sae(
        _ selection: AdapterSelection, _ entry: AdapterEntry, _ leases: inout [AdapterLease]
    ) async throws(AdapterError) -> AppliedAdapter {
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
        guard case .sae(let sae) = try await load(entry, hookpoint: hookpoint, &leases) else {
            throw .badFile(adapter: selection.name, file: "", problem: "it changed its kind while it was loaded")
        }
        let top = selection.top ?? (mode == .observe ? Self.defaultTop : 0)
        return .sae(
            try Intervention(
                sae: sae, mode: mode, edits: selection.edits, strength: selection.scale ?? 1, scope: selection.scope,
                condition: try await condition(of: selection, own: sae, &leases), top: top))
    }

    /// What `when` reads, loaded.
    /// - Parameter own: the SAE that the selection applies; nil for steering vectors, which have no latents.
    private func condition(
        of selection: AdapterSelection, own: SparseAutoencoder?, _ leases: inout [AdapterLease]
    ) async throws(AdapterError) -> LatentCondition? {
        guard let when = selection.when else { return nil }
        func bad(_ problem: String) -> AdapterError { .badParameter(adapter: selection.name, parameter: "when", problem: problem) }
        let isOwn = when.adapter == nil || when.adapter == selection.name
        if let own, isOwn, when.layer == nil, when.at == nil {
            return try LatentCondition(sae: own, latent: when.latent, above: when.above)
        }
        guard own != nil || !isOwn else { throw bad("needs the name of an SAE: steering vectors have no latents") }
        let name = when.adapter ?? selection.name
        let entry = try await entry(name)
        if let error = entry.error { throw error }
        guard entry.summary.kind == .sae else { throw bad("reads latents, and '\(name)' is no SAE") }
        let hookpoint = try hookpoint(
            for: AdapterSelection(name: name, layer: when.layer, at: when.at), among: entry.summary.hookpoints)
        guard case .sae(let sae) = try await load(entry, hookpoint: hookpoint, &leases) else {
            throw .badFile(adapter: name, file: "", problem: "it changed its kind while it was loaded")
        }
        return try LatentCondition(sae: sae, latent: when.latent, above: when.above)
    }

    /// The one hookpoint that `layer` and `at` leave over.
    private func hookpoint(for selection: AdapterSelection, among all: [HookPoint]) throws(AdapterError) -> HookPoint {
        let fitting = try fitting(selection, among: all)
        guard fitting.count == 1 else { throw .hookpointNeeded(adapter: selection.name, has: fitting) }
        return fitting[0]
    }

    /// The hookpoints that `layer` and `at` leave over, at least one.
    func fitting(_ selection: AdapterSelection, among all: [HookPoint]) throws(AdapterError) -> [HookPoint] {
        let fitting = all.filter {
            (selection.layer == nil || $0.layer == selection.layer) && (selection.at == nil || $0.site == selection.at)
        }
        if !fitting.isEmpty { return fitting }
        let wanted =
            switch (selection.layer, selection.at) {
            case (let layer?, let site?): HookPoint(layer: layer, site: site).description
            case (let layer?, nil): "at layer \(layer)"
            case (nil, let site): "at '\(site?.rawValue ?? "")'"
            }
        throw .noSuchHookpoint(adapter: selection.name, wanted: wanted, has: all)
    }
}
