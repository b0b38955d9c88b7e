import CoreMetrics
import Synchronization

/// A `swift-metrics` backend that keeps every series in memory and prints them in Prometheus's text format.
///
/// Timers and aggregating recorders become histograms, in seconds for timers; other recorders and meters become gauges.
package final class PrometheusRegistry: MetricsFactory, Sendable {
    /// What is said about the series of one name. Names that nobody describes get `defaultBounds` and no help text.
    struct Description {
        let help: String
        var bounds: [Double] = PrometheusRegistry.defaultBounds
    }

    private static let defaultBounds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

    private struct Key: Hashable {
        let name: String
        let labels: [[String]]
    }

    private let descriptions: [String: Description]
    private let series = Mutex<[Key: PrometheusSeries]>([:])

    init(descriptions: [String: Description]) {
        self.descriptions = descriptions
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        find(label, dimensions, .counter)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        find(label, dimensions, .gauge)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        find(label, dimensions, aggregate ? .histogram : .gauge)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        find(label, dimensions, .histogram)
    }

    // Series stay: a counter that vanished between two scrapes would read as a restart.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func find(_ name: String, _ labels: [(String, String)], _ kind: PrometheusSeries.Kind) -> PrometheusSeries {
        let key = Key(name: name, labels: labels.map { [$0.0, $0.1] })
        return series.withLock { series in
            if let known = series[key] { return known }
            let fresh = PrometheusSeries(kind, bounds: descriptions[name]?.bounds ?? Self.defaultBounds)
            series[key] = fresh
            return fresh
        }
    }

    /// Prints every series, families by name.
    func print(into page: inout PrometheusText) {
        let families = Dictionary(grouping: series.withLock { Array($0) }) { $0.key.name }
        for (name, members) in families.sorted(by: { $0.key < $1.key }) {
            guard let kind = members.first?.value.kind else { continue }
            page.head(Self.prometheusName(name), descriptions[name]?.help ?? name, kind.rawValue)
            for (key, series) in members.sorted(by: { $0.key.labels.lexicographicallyPrecedes($1.key.labels) { $0[1] < $1[1] } }) {
                let labels = key.labels.map { (Self.prometheusName($0[0]), $0[1]) }
                series.print(Self.prometheusName(name), labels, into: &page)
            }
        }
    }

    /// Libraries label metrics with dots and dashes, which the format does not know.
    private static func prometheusName(_ name: String) -> String {
        String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
    }
}
