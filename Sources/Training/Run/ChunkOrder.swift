import Measuring

/// Which chunks the steps of a run take: each epoch meets whole batches of them, in the order of the data or in one of its own. What does not
/// fill a batch at the end of an epoch is left out of it.
package struct ChunkOrder {
    package let count: Int
    package let batch: Int
    /// Of the whole run.
    package let steps: Int
    private let stepsPerEpoch: Int
    private let seed: UInt64?
    private var epoch = -1
    private var permutation: [Int] = []

    /// - Parameters:
    ///   - count: chunks of the data, at least a batch of them.
    ///   - maximumSteps: ends the run before its epochs do; nil for never.
    ///   - seed: of the orders of the epochs; nil for the data's own.
    package init(count: Int, batch: Int, epochs: Int, maximumSteps: Int?, seed: UInt64?) {
        precondition(batch > 0 && count >= batch, "ChunkOrder: \(count) chunks in batches of \(batch)")
        (self.count, self.batch, self.seed) = (count, batch, seed)
        stepsPerEpoch = count / batch
        let (all, overflows) = stepsPerEpoch.multipliedReportingOverflow(by: epochs)
        steps = min(overflows ? .max : all, maximumSteps ?? .max)
    }

    package func epoch(of step: Int) -> Int { step / stepsPerEpoch }

    /// The chunks at the places `parts` of a step's batch.
    package mutating func chunks(_ step: Int, parts: Range<Int>) -> [(part: Int, chunk: Int)] {
        let start = step % stepsPerEpoch * batch
        guard let seed else { return parts.map { ($0, start + $0) } }
        if epoch != epoch(of: step) {
            epoch = epoch(of: step)
            permutation = KeyedRandom.permutation(count, key: KeyedRandom.key(seed, .order, epoch))
        }
        return parts.map { ($0, permutation[start + $0]) }
    }
}
