import Tensors

/// The LoRA updates of one adapter set for every projection, in the request's order, as plain memory: steps read it without counting a
/// reference. Updates that do nothing are left out. Its owner frees it, and keeps the adapters alive.
package struct LoRATable: BitwiseCopyable {
    /// Projections of all layers.
    private let places: Int
    /// Where the updates of a place begin, `places + 1` of them.
    private let starts: UnsafeMutablePointer<Int32>
    private let updates: UnsafeMutablePointer<LowRankUpdate>

    init(_ applied: [AppliedAdapter]) {
        var found: [(index: Int, update: LowRankUpdate)] = []
        var places = 0
        for case .lora(let lora, let strength) in applied {
            places = max(places, lora.layers * ProjectionModule.count)
            for layer in 0..<lora.layers {
                for module in ProjectionModule.allCases {
                    guard let update = lora.update(layer: layer, module: module)?.borrowed(strength: strength) else { continue }
                    found.append((layer * ProjectionModule.count + module.tableIndex, update))
                }
            }
        }
        self.places = places
        starts = .allocate(capacity: places + 1)
        updates = .allocate(capacity: max(found.count, 1))
        var counts = [Int32](repeating: 0, count: places + 1)
        for entry in found { counts[entry.index + 1] += 1 }
        for place in 0..<places { counts[place + 1] += counts[place] }
        starts.update(from: counts, count: places + 1)
        // In the order found, which is the request's for every place.
        for entry in found {
            (updates + Int(counts[entry.index])).initialize(to: entry.update)
            counts[entry.index] += 1
        }
    }

    func deallocate() {
        starts.deallocate()
        updates.deallocate()
    }

    package var isEmpty: Bool { starts[places] == 0 }

    /// The updates of a projection, in the request's order. O(1).
    @inline(__always)
    package func updates(layer: Int, module: ProjectionModule) -> (first: UnsafePointer<LowRankUpdate>, count: Int) {
        let index = layer * ProjectionModule.count + module.tableIndex
        guard index < places else { return (UnsafePointer(updates), 0) }
        return (UnsafePointer(updates + Int(starts[index])), Int(starts[index + 1] - starts[index]))
    }
}
