import AdapterRegistry
import Adapters
import Foundation
import Models
import Tensors
import Workbench

/// Whether an adapter suits a model: its shapes, what differs from the base that it names, and what it does to the model on a text.
package struct AdapterCheck {
    /// What is checked, and against what.
    package struct Question {
        package var place: AdapterFolder
        /// Only the SAE's hookpoints at this layer, or a steering vector's.
        package var layer: Int?
        /// A model to compare with instead of the one that the adapter names.
        package var base: String?
        package var sample: SampleText
        package var tokens = 1024
        package var context = 256

        package init(_ place: AdapterFolder, sample: SampleText) { (self.place, self.sample) = (place, sample) }
    }

    package let summary: AdapterSummary
    package let model: String
    package let sample: String
    package let contexts: [[Int32]]
    package private(set) var verdict = AdapterVerdict()
    /// Where the base it names was found.
    package private(set) var basePath: String?
    /// Of which the base's files tell nothing.
    package private(set) var unread: [String] = []
    package private(set) var differences: [BaseDifference] = []
    package private(set) var measurements: [Measurement] = []
    package private(set) var weights: LoRAWeight?

    package var tokens: Int { contexts.reduce(0) { $0 + $1.count } }

    /// The adapter as it was applied, and what that did.
    package struct Measurement: Encodable {
        package let applied: String
        package let hookpoint: String?
        package let meanKl: Double?
        package let medianKl: Double?
        package let p99Kl: Double?
        package let sameTopShare: Double
        package let perplexity: Double?
        package let basePerplexity: Double?
        package fileprivate(set) var fvu: Float?
        package fileprivate(set) var fvuWithoutFirst: Float?
        package fileprivate(set) var meanActiveLatents: Double?
        package fileprivate(set) var latentsSeen: Int?
    }

    /// Looks, compares and measures. What keeps the adapter from being used is part of the verdict.
    /// - Throws: `InspectionError` for a text or base that cannot be used, `AdapterError.noSuchHookpoint` where the layer has none, and what
    ///   opening the model throws.
    package static func run(_ question: Question, on bench: Workbench) async throws -> AdapterCheck {
        let contexts = try question.sample.contexts(of: question.context, limit: question.tokens, bench.bundle)
        var check = AdapterCheck(
            summary: question.place.summary(for: bench.bundle.config.shape), model: bench.bundle.name, sample: question.sample.source,
            contexts: contexts)
        if let error = check.summary.error {
            check.verdict.refuse(error)
        } else {
            try check.compare(question, with: bench.bundle)
            try await check.measure(question, on: bench)
        }
        return check
    }

    private init(summary: AdapterSummary, model: String, sample: String, contexts: [[Int32]]) {
        (self.summary, self.model, self.sample, self.contexts) = (summary, model, sample, contexts)
    }

    /// Compares the model with the base that the adapter names where it is found, and with what its own folder keeps of it.
    private mutating func compare(_ question: Question, with bundle: ModelBundle) throws(InspectionError) {
        let own = BaseFacts(bundle)
        let folder = question.place.folder
        var facts = BaseFacts(path: folder.path)
        if let name = question.base ?? summary.baseModel {
            let beside = [
                folder.deletingLastPathComponent(), URL(fileURLWithPath: bundle.path).deletingLastPathComponent(),
                AdapterStore.standard().root.appendingPathComponent("models", isDirectory: true),
            ]
            basePath = LocalBase(folders: beside).find(name)
            if let base = question.base, basePath == nil { throw .noBase(path: base) }
            if let basePath { facts = BaseFacts(path: basePath) }
        }
        unread = facts.problems
        differences = facts.path == own.path ? [] : BaseDifference.find(in: own, against: facts, sample: question.sample.text)
        verdict.judge(differences)
    }

    private mutating func measure(_ question: Question, on bench: Workbench) async throws {
        let (place, layer) = (question.place, question.layer)
        let hookpoints = summary.hookpoints.filter { layer == nil || $0.layer == layer }
        guard layer == nil || !hookpoints.isEmpty else {
            throw AdapterError.noSuchHookpoint(adapter: summary.name, wanted: "at layer \(layer ?? 0)", has: summary.hookpoints)
        }
        let model = try bench.model()
        let saes: [HookPoint?] = summary.kind == .sae ? hookpoints : [nil]
        for hookpoint in saes {
            // One at a time: an SAE of each layer together may take more memory than the model.
            let set: AdapterSet
            do {
                set = try await bench.load(
                    AdapterSelection(
                        name: place.plainName, layer: hookpoint?.layer ?? (summary.kind == .vector ? layer : nil), at: hookpoint?.site,
                        mode: hookpoint == nil ? nil : .splice),
                    from: place.folder)
            } catch let error as AdapterError {
                // Tensors were not read before.
                verdict.refuse(error.description)
                continue
            }
            for applied in set.applied {
                let meter: ReconstructionMeter? = if case .sae(let splice) = applied { ReconstructionMeter(splice.sae) } else { nil }
                let drift = bench.watcher.watch("resa: reading the sample text\(hookpoint.map { " at \($0)" } ?? "")") { report in
                    DistributionDrift.measure(
                        model, with: set, against: model, referenceAdapters: AdapterSet([], taps: meter.map { [$0.tap] } ?? []),
                        contexts: contexts, kvFormat: bench.settings.kvFormat, pool: bench.pool, progress: report)
                }
                add(drift, meter, of: applied)
                if case .lora(let lora, _) = applied { weights = try LoRAWeight(of: lora, in: bench.bundle, pool: bench.pool) }
            }
        }
    }

    private mutating func add(_ drift: DistributionDrift, _ meter: ReconstructionMeter?, of applied: AppliedAdapter) {
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
}

extension AdapterCheck {
    /// The base that it names, and where it was found.
    package var baseLine: String? {
        guard let name = summary.baseModel else { return "the adapter names none" }
        guard let basePath else { return "\(name), not found on this machine: compared with what the adapter's folder records" }
        return basePath == name ? name : "\(name), found at \(basePath)"
    }

    /// Layers and places that it changes or reads.
    package var touchLine: String? {
        let layers = summary.kind == .lora ? summary.layers : summary.hookpoints.map(\.layer)
        guard let first = layers.min(), let last = layers.max() else { return nil }
        let places = summary.kind == .lora ? summary.modules.map(\.rawValue) : summary.hookpoints.map(\.description)
        return "layers \(first)-\(last): \(places.joined(separator: ", "))"
    }
}
