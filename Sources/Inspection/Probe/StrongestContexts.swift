/// The tokens at which each latent acts most, kept while data streams by: `limit` of a latent, in memory that does not grow with the data. Of
/// equals the earlier stays.
package struct StrongestContexts: Sendable {
    package struct Place: Sendable, Equatable {
        package let activation: Float
        package let chunk: Int
        package let position: Int
    }

    private let limit: Int
    /// `[latents, limit]`, a heap each with the weakest first.
    private var activations: [Float]
    private var chunks: [Int32]
    private var positions: [Int32]
    private var counts: [Int32]
    /// Tokens at which each latent acted.
    package private(set) var firings: [Int]

    /// Takes 12 bytes for each of `latents * limit` places.
    package init(latents: Int, limit: Int) {
        self.limit = limit
        activations = Array(repeating: 0, count: latents * limit)
        chunks = Array(repeating: 0, count: latents * limit)
        positions = chunks
        counts = Array(repeating: 0, count: latents)
        firings = Array(repeating: 0, count: latents)
    }

    /// Tokens come in order: chunk by chunk, position by position.
    package mutating func add(latent: Int, activation: Float, chunk: Int, position: Int) {
        firings[latent] += 1
        guard limit > 0 else { return }
        let base = latent * limit
        let count = Int(counts[latent])
        if count < limit {
            set(base + count, activation, Int32(chunk), Int32(position))
            counts[latent] += 1
            rise(base, count)
        } else if activation > activations[base] {
            set(base, activation, Int32(chunk), Int32(position))
            sink(base)
        }
    }

    /// Strongest first.
    package func strongest(_ latent: Int) -> [Place] {
        let base = latent * limit
        return (base..<base + Int(counts[latent])).map {
            Place(activation: activations[$0], chunk: Int(chunks[$0]), position: Int(positions[$0]))
        }.sorted { ($1.activation, $0.chunk, $0.position) < ($0.activation, $1.chunk, $1.position) }
    }

    private mutating func set(_ slot: Int, _ activation: Float, _ chunk: Int32, _ position: Int32) {
        (activations[slot], chunks[slot], positions[slot]) = (activation, chunk, position)
    }

    /// Whether slot `a` goes before `b` when room is made: the weaker, of equals the later.
    private func goesBefore(_ a: Int, _ b: Int) -> Bool {
        (activations[a], chunks[b], positions[b]) < (activations[b], chunks[a], positions[a])
    }

    private mutating func swap(_ a: Int, _ b: Int) {
        activations.swapAt(a, b)
        chunks.swapAt(a, b)
        positions.swapAt(a, b)
    }

    private mutating func rise(_ base: Int, _ start: Int) {
        var slot = start
        while slot > 0, goesBefore(base + slot, base + (slot - 1) / 2) {
            swap(base + slot, base + (slot - 1) / 2)
            slot = (slot - 1) / 2
        }
    }

    private mutating func sink(_ base: Int) {
        var slot = 0
        while 2 * slot + 1 < limit {
            var child = 2 * slot + 1
            if child + 1 < limit, goesBefore(base + child + 1, base + child) { child += 1 }
            guard goesBefore(base + child, base + slot) else { return }
            swap(base + slot, base + child)
            slot = child
        }
    }
}
