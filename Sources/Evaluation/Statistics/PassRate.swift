/// Rates of right answers over problems with several samples each.
package enum PassRate {
    /// pass@1 as avg@n: the mean over problems of the share of right samples, and its standard error over problems (samples of one
    /// problem are one cluster). The error is nil for fewer than two problems.
    /// - Parameter shares: of each problem, the share of its samples that are right; not empty.
    package static func mean(_ shares: [Double]) -> (value: Double, standardError: Double?) {
        let count = Double(shares.count)
        let mean = shares.reduce(0, +) / count
        guard shares.count > 1 else { return (mean, nil) }
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        return (mean, (variance / count).squareRoot())
    }

    /// The probability that at least one of `k` samples drawn without replacement from `samples` is right:
    /// `1 - C(samples - correct, k) / C(samples, k)` (Chen et al., arXiv 2107.03374). Nil when there are fewer than `k` samples.
    package static func atLeastOne(of k: Int, samples: Int, correct: Int) -> Double? {
        guard k >= 1, k <= samples else { return nil }
        if samples - correct < k { return 1 }
        var none = 1.0
        for index in (samples - correct + 1)..<(samples + 1) { none *= 1 - Double(k) / Double(index) }
        return 1 - none
    }
}
