/// Collects what interventions saw during one step, per row of the batch plan. Used by the engine thread only.
///
/// The engine says which rows it wants before the step, and takes the readings after it. Storage is kept from step to step.
package final class ObservationSink {
    private struct Entry {
        let intervention: Intervention
        let firstLatent: Int
        let latentCount: Int
        let fvu: Float?
        /// Next entry of the same row, or -1.
        var next: Int32
    }

    private struct Chain {
        var wanted = false
        var first: Int32 = -1
        var last: Int32 = -1
    }

    private var chains: [Chain] = []
    private var entries: [Entry] = []
    private var latents: [LatentActivation] = []

    package init() {}

    /// Forgets the last step and makes room for `rows` rows, none of them wanted yet.
    package func begin(rows: Int) {
        if rows == 0, chains.isEmpty { return }
        chains.removeAll(keepingCapacity: true)
        chains.append(contentsOf: repeatElement(Chain(), count: rows))
        entries.removeAll(keepingCapacity: true)
        latents.removeAll(keepingCapacity: true)
    }

    /// Asks for readings of a row.
    package func want(row: Int) { chains[row].wanted = true }

    @inline(__always)
    package func wants(row: Int) -> Bool { row < chains.count && chains[row].wanted }

    /// What was seen at a row, in the order in which the interventions ran.
    package func readings(row: Int) -> [LatentReading] {
        guard row < chains.count else { return [] }
        var result: [LatentReading] = []
        var index = chains[row].first
        while index >= 0 {
            let entry = entries[Int(index)]
            result.append(
                LatentReading(
                    adapter: entry.intervention.sae.name, hookpoint: entry.intervention.sae.hookpoint,
                    latents: Array(latents[entry.firstLatent..<entry.firstLatent + entry.latentCount]), fvu: entry.fvu))
            index = entry.next
        }
        return result
    }

    /// Keeps the `intervention.top` strongest of a row's `count` selected latents.
    func record(
        _ intervention: Intervention, row: Int, indices: UnsafePointer<Int32>, activations: UnsafePointer<Float>, count: Int, fvu: Float?
    ) {
        let first = latents.count
        for slot in 0..<count where activations[slot] > 0 {
            let candidate = LatentActivation(latent: Int(indices[slot]), activation: activations[slot])
            insert(candidate, from: first, limit: intervention.top)
        }
        let entry = Int32(entries.count)
        entries.append(
            Entry(intervention: intervention, firstLatent: first, latentCount: latents.count - first, fvu: fvu, next: -1))
        if chains[row].last >= 0 { entries[Int(chains[row].last)].next = entry } else { chains[row].first = entry }
        chains[row].last = entry
    }

    private func insert(_ candidate: LatentActivation, from first: Int, limit: Int) {
        // Thousands of latents may act where a threshold decides: those that are not among the strongest cost one comparison.
        if latents.count - first == limit, let last = latents.last, limit > 0, !Self.isStronger(candidate, last) { return }
        var place = latents.count
        while place > first, Self.isStronger(candidate, latents[place - 1]) { place -= 1 }
        guard place - first < limit else { return }
        latents.insert(candidate, at: place)
        if latents.count - first > limit { latents.removeLast() }
    }

    private static func isStronger(_ a: LatentActivation, _ b: LatentActivation) -> Bool {
        a.activation != b.activation ? a.activation > b.activation : a.latent < b.latent
    }
}
