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
    /// Sets with equal keys behave equally; rows of equal keys may share a segment. Empty for the base model.
    package let key: String
    /// Whether any row of a request can give readings.
    package let observes: Bool
    /// Sets with equal cache keys leave the same keys and values in the KV cache: `key` without what only observes.
    package let cacheKey: String
    /// Whether a token's keys and values depend on its belonging to the prompt or to the answer.
    package let distinguishesPrompt: Bool
    /// Leading blocks that compute what the base model computes; `Int.max` when all do (`SharedLayers.swift`).
    package let sharedLayers: Int
    private let loraTable: [[LoRAEntry]]
    private let hookTable: [[HookAction]]
    /// Last of all properties: they go after the adapters.
    private let keepers: [any AnyObject & Sendable]

    /// - Parameter keepers: what has to live exactly as long as the set.
    package init(_ applied: [AppliedAdapter], keepers: [any AnyObject & Sendable] = []) {
        self.applied = applied
        self.keepers = keepers
        key = applied.map(\.key).joined(separator: "|")
        let changing = applied.filter(\.changesActivations)
        cacheKey = changing.map(\.key).joined(separator: "|")
        distinguishesPrompt = changing.contains(where: \.distinguishesPrompt)
        sharedLayers = applied.map(\.sharedLayers).min() ?? .max
        var loras: [[LoRAEntry]] = []
        var hooks: [[HookAction]] = []
        func add(_ action: HookAction, at hookpoint: HookPoint) {
            let index = hookpoint.tableIndex
            if hooks.count <= index { hooks += Array(repeating: [], count: index + 1 - hooks.count) }
            hooks[index].append(action)
        }
        for adapter in applied {
            switch adapter {
            case .lora(let lora, let scale):
                if loras.count < lora.layers * ProjectionModule.count {
                    loras += Array(repeating: [], count: lora.layers * ProjectionModule.count - loras.count)
                }
                for layer in 0..<lora.layers {
                    for module in ProjectionModule.allCases {
                        guard let update = lora.update(layer: layer, module: module) else { continue }
                        loras[layer * ProjectionModule.count + module.tableIndex].append(LoRAEntry(update: update, strength: scale))
                    }
                }
            case .sae(let intervention): add(.intervention(intervention), at: intervention.hookpoint)
            case .vector(let steering):
                for hookpoint in steering.hookpoints { add(.steering(steering, at: hookpoint), at: hookpoint) }
            }
        }
        loraTable = loras
        hookTable = hooks
        observes = hooks.contains { $0.contains { ($0.intervention?.top ?? 0) > 0 } }
    }

    package var isEmpty: Bool { applied.isEmpty }

    /// The updates of a projection, in the request's order.
    @inline(__always)
    package func loras(layer: Int, module: ProjectionModule) -> [LoRAEntry] {
        let index = layer * ProjectionModule.count + module.tableIndex
        return index < loraTable.count ? loraTable[index] : []
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
