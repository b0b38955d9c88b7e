import Histogram

/// Latencies in an HDR histogram: microseconds at three significant digits, at constant memory for any number of them.
package struct LatencyHistogram: Sendable {
    private static let highestMicroseconds: UInt64 = 3_600_000_000
    private var histogram = Histogram<UInt32>(highestTrackableValue: highestMicroseconds, numberOfSignificantValueDigits: .three)
    private var sum = 0.0
    private var least = Int64.max
    private var greatest: Int64 = 0

    package init() { histogram.autoResize = true }

    package var count: Int { Int(histogram.totalCount) }

    package mutating func record(_ latency: Duration) {
        let nanoseconds = max(0, latency.inNanoseconds)
        histogram.record(UInt64((nanoseconds + 500) / 1000))
        sum += Double(nanoseconds)
        least = min(least, nanoseconds)
        greatest = max(greatest, nanoseconds)
    }

    /// Milliseconds that each of `percents` (ascending) of the latencies do not exceed, to three digits. One pass over the histogram.
    package func milliseconds(atPercentiles percents: [Double]) -> [Double] {
        var found: [Double] = []
        for point in histogram.recordedValues() {
            while found.count < percents.count, Double(point.totalCountToThisValue) >= percents[found.count] / 100 * Double(count) - 1e-9 {
                found.append(min(max(Double(point.value) * 1e-3, Double(least) * 1e-6), Double(greatest) * 1e-6))
            }
        }
        while found.count < percents.count { found.append(Double(greatest) * 1e-6) }
        return found
    }

    /// nil when nothing was recorded.
    package var summary: LatencySummary? {
        guard count > 0 else { return nil }
        func rounded(_ milliseconds: Double) -> Double { (milliseconds * 1e3).rounded() / 1e3 }
        let quantiles = milliseconds(atPercentiles: (0...200).map { Double($0) / 2 }).map(rounded)
        return LatencySummary(
            count: count, meanMs: rounded(sum / Double(count) * 1e-6), minMs: rounded(Double(least) * 1e-6), p50Ms: quantiles[100],
            p90Ms: quantiles[180], p99Ms: quantiles[198], maxMs: rounded(Double(greatest) * 1e-6), quantilesMs: quantiles)
    }
}

/// What a report says of one kind of latency. Mean, least and greatest are exact, percentiles to three digits.
package struct LatencySummary: Encodable, Sendable, Equatable {
    package let count: Int
    package let meanMs, minMs, p50Ms, p90Ms, p99Ms, maxMs: Double
    /// At 0, 0.5, 1, ... 100 percent, for drawing; not part of the JSON.
    package let quantilesMs: [Double]

    private enum CodingKeys: String, CodingKey {
        case count, meanMs, minMs, p50Ms, p90Ms, p99Ms, maxMs
    }
}
