import AdapterRegistry
import Adapters
import ArgumentParser
import Engine
import Foundation
import Models
import Tensors

/// `resa adapters check`.
struct CheckAdapter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Does an adapter suit a model? Measure what it does to it.",
        discussion: """
            Looks at shapes, at what differs from the base model that the adapter names, and, on a sample text, at the KL divergence from the \
            model without it and at what an SAE's reconstruction loses (FVU). Exit status: 0 when it fits, 2 with warnings, 3 when it does \
            not, 1 when that could not be told.
            """)

    @Argument(help: "The adapter's folder, or its name in --adapters or the store.")
    var adapter: String

    @OptionGroup var source: ModelOptions
    @OptionGroup var compute: ComputeOptions

    @Option(help: "The folder of adapters to find the name in.")
    var adapters: String?

    @Option(help: "Only the SAE's hookpoints at this layer.")
    var layer: Int?

    @Option(help: "Compare with this model instead of the one the adapter names: a folder or a .gguf file.")
    var base: String?

    @OptionGroup(title: "Sample text") var sample: SampleOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let place = try AdapterPlace.find(adapter, adapters: adapters)
        let bundle = try ModelBundle.open(path: source.model)
        let contexts = try sample.contexts(bundle)
        let summary = AdapterRegistry.inspect(folder: place.folder, name: place.name, shape: bundle.config.shape)
        var report = CheckReport(summary, model: bundle.name, sample: sample.description, contexts: contexts)
        if let error = summary.error {
            report.verdict.refuse(error)
        } else {
            try report.compare(with: bundle, place: place, base: base, sample: try sample.read())
            try await measure(bundle, place, summary, contexts, into: &report)
        }
        json ? try Console.printJSON(report) : report.show()
        if report.verdict.level != .fits { throw ExitCode(report.verdict.level == .warnings ? 2 : 3) }
    }

    private func measure(
        _ bundle: ModelBundle, _ place: AdapterPlace, _ summary: AdapterSummary, _ contexts: [[Int32]], into report: inout CheckReport
    ) async throws {
        let pool = compute.makePool()
        let hookpoints = summary.hookpoints.filter { layer == nil || $0.layer == layer }
        guard layer == nil || !hookpoints.isEmpty else {
            throw AdapterError.noSuchHookpoint(adapter: summary.name, wanted: "at layer \(layer ?? 0)", has: summary.hookpoints)
        }
        let model = try compute.load(bundle.weights, pool: pool)
        let saes: [HookPoint?] = summary.kind == .sae ? hookpoints : [nil]
        for hookpoint in saes {
            // One at a time: an SAE of each layer together may take more memory than the model.
            let set: AdapterSet
            do {
                set = try await place.load(
                    AdapterSelection(
                        name: place.plainName, layer: hookpoint?.layer ?? (summary.kind == .vector ? layer : nil), at: hookpoint?.site,
                        mode: hookpoint == nil ? nil : .splice),
                    of: bundle, compute)
            } catch let error as AdapterError {
                // Tensors were not read before.
                report.verdict.refuse(error.description)
                continue
            }
            for applied in set.applied {
                let meter: ReconstructionMeter? = if case .sae(let splice) = applied { ReconstructionMeter(splice.sae) } else { nil }
                let progress = ProgressReporter("resa: reading the sample text\(hookpoint.map { " at \($0)" } ?? "")")
                let drift = DistributionDrift.measure(
                    model, with: set, against: model, referenceAdapters: AdapterSet([], taps: meter.map { [$0.tap] } ?? []),
                    contexts: contexts,
                    kvFormat: compute.kvFormat, pool: pool, progress: progress.report)
                progress.finish()
                report.add(drift, meter, of: applied)
                if case .lora(let lora, _) = applied { try report.weigh(lora, bundle, pool: pool) }
            }
        }
    }
}

/// Where the adapter to check lies, and how it is loaded by itself.
struct AdapterPlace {
    let folder: URL
    /// A tag included.
    let name: String

    var plainName: String { name.split(separator: ":").first.map(String.init) ?? name }

    /// As `resa adapters inspect` finds it.
    static func find(_ adapter: String, adapters: String?) throws -> AdapterPlace {
        let folder = try InspectAdapter.findFolder(adapter, adapters: adapters)
        return AdapterPlace(folder: folder, name: InspectAdapter.shownName(adapter, folder))
    }

    /// Loads it from a folder that holds nothing else: its neighbours need not be read.
    func load(_ selection: AdapterSelection, of bundle: ModelBundle, _ compute: ComputeOptions) async throws -> AdapterSet {
        let files = FileManager.default
        let alone = files.temporaryDirectory.appendingPathComponent("resa-check-\(UUID().uuidString)", isDirectory: true)
        try files.createDirectory(at: alone, withIntermediateDirectories: false)
        defer { try? files.removeItem(at: alone) }
        try files.createSymbolicLink(at: alone.appendingPathComponent(plainName), withDestinationURL: folder)
        let registry = try AdapterRegistry(
            folder: alone, shape: bundle.config.shape, format: compute.weights, adapterFormat: compute.adapterWeights,
            base: bundle.weights.projections, baseName: "")
        return try await registry.resolve([selection])
    }
}
