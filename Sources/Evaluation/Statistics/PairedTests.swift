import Foundation
import Measuring

/// Tests of paired differences on the same problems.
package enum PairedTests {
    /// Exact McNemar test: the two-sided binomial probability of a split at least as uneven as `better` against `worse`, were both
    /// equally likely. Ties do not count. Over problems with several samples it is the sign test of the problems' means.
    package static func mcNemar(better: Int, worse: Int) -> Double {
        let count = better + worse
        if count == 0 { return 1 }
        let few = min(better, worse)
        var tail = 0.0
        for index in 0...few {
            let choices = lgamma(Double(count + 1)) - lgamma(Double(index + 1)) - lgamma(Double(count - index + 1))
            tail += exp(choices - Double(count) * log(2.0))
        }
        return min(1, 2 * tail)
    }

    package struct Bootstrap: Sendable, Equatable {
        /// 95 % percentile interval of the mean difference.
        package let low, high: Double
        /// Two-sided: how often resampled means stray from the observed one as far as that is from zero, the observed sample counted in.
        package let p: Double
    }

    /// Resamples problems with replacement, within each data set; the statistic is the mean over data sets of the mean difference.
    /// - Parameter strata: each data set's differences by problem; none empty.
    package static func bootstrap(_ strata: [[Double]], resamples: Int, seed: UInt64) -> Bootstrap {
        var generator = SplitMix64(seed: seed)
        let observed = strata.reduce(0) { $0 + $1.reduce(0, +) / Double($1.count) } / Double(strata.count)
        var means: [Double] = []
        means.reserveCapacity(resamples)
        for _ in 0..<resamples {
            var mean = 0.0
            for differences in strata {
                var sum = 0.0
                let count = UInt64(differences.count)
                for _ in differences.indices { sum += differences[Int(generator.next().multipliedFullWidth(by: count).high)] }
                mean += sum / Double(differences.count)
            }
            means.append(mean / Double(strata.count))
        }
        means.sort()
        // Sums in another order differ in their last digits; that is no straying.
        let bound = abs(observed) * (1 - 1e-9) - 1e-12
        let strayed = means.count { abs($0 - observed) >= bound }
        return Bootstrap(
            low: quantile(means, 0.025), high: quantile(means, 0.975), p: Double(strayed + 1) / Double(resamples + 1))
    }

    /// Linear between order statistics (numpy's default).
    static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        guard let last = sorted.indices.last else { return .nan }
        let position = share * Double(last)
        let below = Int(position)
        guard below < last else { return sorted[last] }
        return sorted[below] + (sorted[below + 1] - sorted[below]) * (position - Double(below))
    }

    /// Holm's step-down correction: probabilities as large as they must be for any of them to be read at its level, the family at that
    /// level as a whole.
    package static func holm(_ probabilities: [Double]) -> [Double] {
        var corrected = probabilities
        var least = 0.0
        for (rank, index) in probabilities.indices.sorted(by: { probabilities[$0] < probabilities[$1] }).enumerated() {
            least = max(least, min(1, probabilities[index] * Double(probabilities.count - rank)))
            corrected[index] = least
        }
        return corrected
    }
}
