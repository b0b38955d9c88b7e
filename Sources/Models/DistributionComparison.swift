import Foundation
import Tensors

/// Two next-token distributions at one place, from their logits. In double: the divergences to be measured are as small as f32's rounding.
package struct DistributionComparison {
    /// Natural logarithm of the sum of exponentials of each one's logits.
    package let logSumExp: Double
    package let referenceLogSumExp: Double
    /// KL(reference || this) = sum p_ref (log p_ref - log p), in nats; rounding never makes it negative.
    package let divergence: Double
    /// Both find the same token most likely.
    package let sameTop: Bool

    /// - Parameters:
    ///   - logits: `[count]`; and those of the reference.
    package init(_ logits: UnsafePointer<Float>, against reference: UnsafePointer<Float>, count: Int, pool: WorkerPool) {
        let top = RowOperations.argmax(logits, count: count, on: pool.instructionSet)
        let referenceTop = RowOperations.argmax(reference, count: count, on: pool.instructionSet)
        sameTop = top == referenceTop
        let sums = Self.sum(count, pool) { exp(Double(logits[$0]) - Double(logits[top])) }
        let referenceSums = Self.sum(count, pool) { exp(Double(reference[$0]) - Double(reference[referenceTop])) }
        let (own, wanted) = (Double(logits[top]) + log(sums), Double(reference[referenceTop]) + log(referenceSums))
        logSumExp = own
        referenceLogSumExp = wanted
        let sum = Self.sum(count, pool) { index in
            let logP = Double(reference[index]) - wanted
            // What the reference finds impossible adds nothing, though this may find it impossible too.
            if logP == -.infinity { return 0 }
            return exp(logP) * (logP - (Double(logits[index]) - own))
        }
        divergence = max(sum, 0)
    }

    /// The sum of `term(0..<count)`, by parts of one constant length in their order: the same whatever the number of threads.
    private static func sum(_ count: Int, _ pool: WorkerPool, _ term: (Int) -> Double) -> Double {
        let length = 4096
        let parts = (count + length - 1) / length
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
            let sums = sums.baseAddress!
            pool.parallel(parts) { part in
                var sum = 0.0
                for index in part * length..<min((part + 1) * length, count) { sum += term(index) }
                sums[part] = sum
            }
            return (0..<parts).reduce(0) { $0 + sums[$1] }
        }
    }
}
