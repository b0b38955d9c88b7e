/// Everything that one request applies, in its order, with tables that the decoder reads in O(1) and without allocating. Immutable;
/// it keeps the exact adapters alive that the request started with.
package final class AdapterSet: Sendable {
    package struct LoRAEntry: Sendable {
        package let update: LoRAUpdate
        /// The request's factor on the update.
        package let strength: Float
    }

    /// The base model, unchanged.
    package static let none = AdapterSet([])

    package let applied: [AppliedAdapter]
    /// Nothing is done to any row.
    package let isEmpty: Bool
    /// Sets with equal keys behave equally; rows of equal keys may share a segment. Empty for the base model.
    package let key: String
    /// Whether any row of a request can give readings.
    package let observes: Bool
    /// Sets with equal cache keys leave the same keys and values in the KV cache: `key` without what only observes.
    package let cacheKey: String
    /// Whether a token's keys and values depend on its belonging to the prompt or to the answer.
    package let distinguishesPrompt: Bool
    /// Whether a token's part depends on its standing inside `<think>`.
    package let readsThink: Bool
    /// The interventions that splice, in the request's order.
    package let splices: [Intervention]
    /// Leading blocks that compute what the base model computes; `Int.max` when all do (`SharedLayers.swift`).
    package let sharedLayers: Int
    /// Freed with the set.
    package nonisolated(unsafe) let loraTable: LoRATable
    /// Whether anything is done at some hookpoint.
    package let isHooked: Bool
    private let hookTable: [[HookAction]]
    /// `key` for steps. Freed with the set.
    package nonisolated(unsafe) let plainKey: PlainKey
    /// Last of all properties: they go after the adapters.
    private let keepers: [any AnyObject & Sendable]

    /// - Parameters:
    ///   - taps: see `ActivationTap`.
    ///   - keepers: what has to live exactly as long as the set.
    package init(_ applied: [AppliedAdapter], taps: [ActivationTap] = [], keepers: [any AnyObject & Sendable] = []) {
        self.applied = applied
        self.keepers = keepers
        isEmpty = applied.isEmpty && taps.isEmpty
        key = (applied.map(\.key) + taps.map { "tap;\(ObjectIdentifier($0))" }).joined(separator: "|")
        plainKey = PlainKey(key)
        let changing = applied.filter(\.changesActivations)
        cacheKey = changing.map(\.key).joined(separator: "|")
        distinguishesPrompt = changing.contains(where: \.distinguishesPrompt)
        sharedLayers = applied.map(\.sharedLayers).min() ?? .max
        readsThink = applied.contains { $0.scope?.isInsideThink ?? false }
        var hooks: [[HookAction]] = []
        func add(_ action: HookAction, at hookpoint: HookPoint) {
            let index = hookpoint.tableIndex
            if hooks.count <= index { hooks += Array(repeating: [], count: index + 1 - hooks.count) }
            hooks[index].append(action)
        }
        for tap in taps { add(.tap(tap), at: tap.hookpoint) }
        var conditions = 0
        // A condition on the intervention's own latents is found where those are.
        func gate(_ adapter: AppliedAdapter) -> ConditionGate {
            guard let condition = adapter.condition, let scope = adapter.scope else { return .open }
            if case .sae(let intervention) = adapter, intervention.ownCondition != nil { return .open }
            precondition(conditions < UInt32.bitWidth, "more conditions than a row has bits for")
            let bit: UInt32 = 1 << conditions
            conditions += 1
            add(.condition(condition, scope: scope, bit: bit), at: condition.hookpoint)
            return ConditionGate(required: bit)
        }
        var splices: [Intervention] = []
        for adapter in applied {
            let gate = gate(adapter)
            switch adapter {
            case .lora: break
            case .sae(let intervention):
                add(.intervention(intervention, gate: gate, splice: splices.count), at: intervention.hookpoint)
                if intervention.mode == .splice { splices.append(intervention) }
            case .vector(let steering):
                for hookpoint in steering.hookpoints { add(.steering(steering, at: hookpoint, gate: gate), at: hookpoint) }
            }
        }
        self.splices = splices
        loraTable = LoRATable(applied)
        hookTable = hooks
        isHooked = hooks.contains { !$0.isEmpty }
        observes = hooks.contains { $0.contains { ($0.intervention?.top ?? 0) > 0 } }
    }

    deinit {
        loraTable.deallocate()
        plainKey.deallocate()
    }

    /// The updates of a projection, in the request's order: what `loraTable` holds in the form for steps.
    package func loras(layer: Int, module: ProjectionModule) -> [LoRAEntry] {
        applied.compactMap { adapter in
            guard case .lora(let lora, let scale) = adapter, let update = lora.update(layer: layer, module: module) else { return nil }
            return LoRAEntry(update: update, strength: scale)
        }
    }

    /// What is done at a hookpoint, in the request's order: each sees what the one before it left.
    @inline(__always)
    package func actions(at hookpoint: HookPoint) -> [HookAction] {
        let index = hookpoint.tableIndex
        return index < hookTable.count ? hookTable[index] : []
    }

    /// What the answer says was applied.
    package var report: [AppliedReport] { applied.map(\.report) }
}
