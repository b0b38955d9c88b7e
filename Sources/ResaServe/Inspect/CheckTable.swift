import AdapterRegistry
import Foundation
import Inspection
import Terminal

/// The report on the terminal.
extension AdapterCheck {
    func show() {
        let report = AdapterReport(summary)
        Console.printFacts(
            [
                ("adapter", "\(report.name)\(report.kind.map { ", \($0), \(report.outline)" } ?? "")"), ("model", model),
                ("base", baseLine), ("touches", touchLine), ("update", weights.map(Self.line)),
                ("text", "\(tokens) tokens in \(contexts.count) contexts of \(sample)"),
            ] + differences.map { ($0.matters ? "differs" : "note", $0.text) } + unread.map { ("unread", $0) })
        for measurement in measurements { Console.printFacts(Self.facts(measurement)) }
        Console.printFacts([("verdict", verdict.level.rawValue)] + verdict.reasons.map { ("", $0.text) })
    }

    private static func line(_ weights: LoRAWeight) -> String {
        var line = "\(weights.updates) projections, \(weights.idleUpdates) of them unchanged"
        if weights.untouchedBlocks > 0 { line += ", the lowest \(weights.untouchedBlocks) blocks untouched" }
        if let norm = weights.relativeNorm, let largest = weights.largestRelativeNorm, let place = weights.largestAt {
            line += String(format: "; norm %.2e of the weights', at most %.2e at \(place)", norm, largest)
        }
        return line
    }

    private static func facts(_ measurement: Measurement) -> [(name: String, value: String?)] {
        func show(_ value: Double?) -> String { value.map { String(format: "%.3g", $0) } ?? "not a number" }
        let latents = measurement.meanActiveLatents.map { active in
            String(format: "%.1f active in the mean, %d different ones", active, measurement.latentsSeen ?? 0)
        }
        let fvu = measurement.fvu.map { fvu in
            String(format: "%.4f", fvu)
                + (measurement.fvuWithoutFirst.map { String(format: ", %.4f without each context's first position", $0) } ?? "")
        }
        return [
            ("\nwith", measurement.applied),
            ("KL", "mean \(show(measurement.meanKl)), median \(show(measurement.medianKl)), 99 % \(show(measurement.p99Kl)) nats"),
            ("same top", String(format: "%.1f %%", measurement.sameTopShare * 100)),
            ("perplexity", "\(show(measurement.perplexity)), without it \(show(measurement.basePerplexity))"), ("FVU", fvu),
            ("latents", latents),
        ]
    }
}
