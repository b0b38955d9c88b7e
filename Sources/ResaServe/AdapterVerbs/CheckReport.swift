import AdapterRegistry
import Adapters
import Engine
import Foundation
import Models
import Tensors

/// What `resa adapters check` found.
struct CheckReport {
    let summary: AdapterSummary
    let model: String
    let sample: String
    let contexts: [[Int32]]
    var verdict = AdapterVerdict()
    /// Where the base it names was found.
    var basePath: String?
    /// Of which the base's files tell nothing.
    var unread: [String] = []
    var differences: [BaseDifference] = []
    var measurements: [Measurement] = []
    var weights: Weights?

    /// The adapter as it was applied, and what that did.
    struct Measurement: Encodable {
        let applied: String
        let hookpoint: String?
        let meanKl: Double?
        let medianKl: Double?
        let p99Kl: Double?
        let sameTopShare: Double
        let perplexity: Double?
        let basePerplexity: Double?
        var fvu: Float?
        var fvuWithoutFirst: Float?
        var meanActiveLatents: Double?
        var latentsSeen: Int?
    }

    /// What a LoRA adds to the weights.
    struct Weights: Encodable {
        let updates: Int
        /// Named, but zero.
        let idleUpdates: Int
        /// Blocks from the bottom that it leaves as they are.
        let untouchedBlocks: Int
        /// |update| / |weights| over all projections that it changes, in the Frobenius norm.
        let relativeNorm: Double?
        let largestRelativeNorm: Double?
        let largestAt: String?
    }

    init(_ summary: AdapterSummary, model: String, sample: String, contexts: [[Int32]]) {
        (self.summary, self.model, self.sample, self.contexts) = (summary, model, sample, contexts)
    }

    var tokens: Int { contexts.reduce(0) { $0 + $1.count } }

    /// Compares the model with the base that the adapter names where it is found, and with what its own folder keeps of it.
    mutating func compare(with bundle: ModelBundle, place: AdapterPlace, base: String?, sample: String) throws {
        let own = BaseFacts(bundle)
        var facts = BaseFacts(path: place.folder.path)
        if let name = base ?? summary.baseModel {
            let beside = [
                place.folder.deletingLastPathComponent(), URL(fileURLWithPath: bundle.path).deletingLastPathComponent(),
                AdapterStore.standard().root.appendingPathComponent("models", isDirectory: true),
            ]
            basePath = LocalBase(folders: beside).find(name)
            if let base, basePath == nil { throw CommandError("there is no model at '\(base)'") }
            if let basePath { facts = BaseFacts(path: basePath) }
        }
        unread = facts.problems
        differences = facts.path == own.path ? [] : BaseDifference.find(in: own, against: facts, sample: sample)
        verdict.judge(differences)
    }

    mutating func add(_ drift: DistributionDrift, _ meter: ReconstructionMeter?, of applied: AppliedAdapter) {
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        let report = applied.report
        let what =
            switch applied {
            case .lora: "the LoRA at scale 1"
            case .vector: "the vectors at scale 1"
            case .sae(let splice): "the SAE spliced in at \(splice.hookpoint)"
            }
        var measurement = Measurement(
            applied: what, hookpoint: report.hookpoint?.description, meanKl: finite(drift.meanKL), medianKl: finite(drift.quantileKL(0.5)),
            p99Kl: finite(drift.quantileKL(0.99)), sameTopShare: drift.sameTop, perplexity: finite(drift.perplexity),
            basePerplexity: finite(drift.referencePerplexity))
        if let meter, let hookpoint = report.hookpoint {
            (measurement.fvu, measurement.fvuWithoutFirst) = (meter.fvu, meter.fvuWithoutFirst)
            (measurement.meanActiveLatents, measurement.latentsSeen) = (meter.meanActive, meter.latentsSeen)
            verdict.judge(fvu: meter.fvuWithoutFirst ?? meter.fvu, meanActive: meter.meanActive, at: hookpoint)
        }
        verdict.judge(drift, of: what, isReconstruction: meter != nil)
        measurements.append(measurement)
    }

    mutating func weigh(_ lora: LoRAAdapter, _ bundle: ModelBundle, pool: WorkerPool) throws {
        let workspace = Workspace()
        var (added, stored) = (0.0, 0.0)
        var largest: (ratio: Double, place: String)?
        let updates = lora.updates
        for (layer, module, update) in updates where !update.doesNothing {
            let change = try update.norm(
                of: bundle.weights.projections, layer: layer, module: module, pool: pool, workspace: workspace)
            let weight = try bundle.weights.norm(layer: layer, module: module, pool: pool)
            added += change * change
            stored += weight * weight
            let ratio = change / weight
            if ratio.isFinite, ratio > largest?.ratio ?? -1 { largest = (ratio, "layers.\(layer).\(module.rawValue)") }
        }
        let ratio = (added / stored).squareRoot()
        weights = Weights(
            updates: updates.count, idleUpdates: updates.count { $0.update.doesNothing },
            untouchedBlocks: min(lora.sharedLayers, bundle.config.layers), relativeNorm: ratio.isFinite ? ratio : nil,
            largestRelativeNorm: largest?.ratio, largestAt: largest?.place)
    }
}

extension CheckReport: Encodable {
    private enum Key: String, CodingKey {
        case adapter, model, verdict, reasons, base, layers, modules, lora, text, measurements
    }

    private struct Reason: Encodable {
        let level: String
        let text: String
    }

    private struct Base: Encodable {
        let name: String?
        let path: String?
        let differences: [Difference]
        let unread: [String]
    }

    private struct Difference: Encodable {
        let subject: String
        let text: String
        let matters: Bool
    }

    private struct Text: Encodable {
        let source: String
        let contexts: Int
        let tokens: Int
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(AdapterReport(summary), forKey: .adapter)
        try container.encode(model, forKey: .model)
        try container.encode(verdict.level.rawValue, forKey: .verdict)
        let reasons = verdict.reasons.map { Reason(level: $0.level == .unfit ? "error" : "warning", text: $0.text) }
        try container.encode(reasons, forKey: .reasons)
        let shown = differences.map { Difference(subject: $0.subject.rawValue, text: $0.text, matters: $0.matters) }
        try container.encode(Base(name: summary.baseModel, path: basePath, differences: shown, unread: unread), forKey: .base)
        try container.encode(summary.kind == .lora ? summary.layers : summary.hookpoints.map(\.layer), forKey: .layers)
        try container.encode(summary.modules.map(\.rawValue), forKey: .modules)
        try container.encodeIfPresent(weights, forKey: .lora)
        try container.encode(Text(source: sample, contexts: contexts.count, tokens: tokens), forKey: .text)
        try container.encode(measurements, forKey: .measurements)
    }
}

extension CheckReport {
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

    private var baseLine: String? {
        guard let name = summary.baseModel else { return "the adapter names none" }
        guard let basePath else { return "\(name), not found on this machine: compared with what the adapter's folder records" }
        return basePath == name ? name : "\(name), found at \(basePath)"
    }

    private var touchLine: String? {
        let layers = summary.kind == .lora ? summary.layers : summary.hookpoints.map(\.layer)
        guard let first = layers.min(), let last = layers.max() else { return nil }
        let places = summary.kind == .lora ? summary.modules.map(\.rawValue) : summary.hookpoints.map(\.description)
        return "layers \(first)-\(last): \(places.joined(separator: ", "))"
    }

    private static func line(_ weights: Weights) -> String {
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
