import AdapterRegistry
import Adapters
import ArgumentParser
import Foundation
import JSONText
import Models
import Tensors
import Training

/// `resa probe`: what the latents of an SAE respond to.
struct Probe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at what an SAE's latents respond to.",
        discussion: """
            Reads a system prompt and text with the model, one hookpoint after the other: which latents act at the think tags alone, against a \
            permutation null, and how their numbers spread over layers; which act around reasoning words (ReasonScore), against windows in other \
            places; where each acts most; which tokens its decoder row speaks for; and, with --plain, whether \
            tokens alone make it act in text without reasoning. \
            docs/probing.md tells more.
            """)

    @OptionGroup var source: ModelOptions

    @Option(help: ArgumentHelp("The SAE: its folder, or its name in --adapters or the store.", valueName: "adapter"))
    var sae: String

    @Option(help: ArgumentHelp("Where adapters lie. (default: the store)", valueName: "folder"))
    var adapters: String?

    @Option(help: "Only the SAE's hookpoints at this layer.")
    var layer: Int?

    @OptionGroup(title: "Data") var data: TriggerOptions
    @OptionGroup(title: "What is looked for") var search: ProbeOptions
    @OptionGroup(title: "Token injection") var injection: InjectionOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    @Option(help: ArgumentHelp("Write names for latents here, in the form of an adapter's labels.json.", valueName: "file"))
    var labels: String?

    @Flag(help: "Name every latent that acts in the data instead of those reported.")
    var labelAll = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if labelAll, labels == nil { throw ValidationError("--label-all goes with --labels") }
        if search.noTags { try data.refuseIdleSystemPrompt() }
        try compute.refuseAdapterWeights()
    }

    func run() async throws {
        if let labels, FileManager.default.fileExists(atPath: labels) {
            throw CommandError("\(labels) is there already; choose another file, or move it away")
        }
        let words = try search.reasoningWords()
        let bundle = try ModelBundle.open(path: source.model)
        let place = try AdapterPlace.find(sae, adapters: adapters)
        let hookpoints = try hookpoints(place, bundle)
        let tags = try search.tags(bundle.tokenizer)
        let scores = try search.scores(hookpoints)
        let marks = Set(bundle.config.eosTokens + [bundle.tokenizer.bosToken, bundle.tokenizer.eosToken].compactMap { $0 })
        let system = try data.systemPrompt.map { try InputFile.text($0) } ?? TriggerText.systemPrompt
        let prompt = tags == nil ? [] : bundle.tokenizer.encode(system, addSpecialTokens: false)
        let chunks = try data.chunks(bundle)
        let plain = try injection.texts(bundle)
        let pool = compute.makePool()
        let model = try compute.load(bundle.weights, pool: pool)
        var report = ProbeReport(
            model: bundle.name, adapter: place.name, data: data.data, tokens: chunks.tokenCount, seed: search.seed, words: words)
        var names = JSONObject()
        for hookpoint in hookpoints {
            // One at a time: an SAE of each layer together may take more memory than the model.
            let set = try await place.load(
                AdapterSelection(name: place.plainName, layer: hookpoint.layer, at: hookpoint.site, mode: .observe),
                of: bundle, compute)
            guard case .sae(let intervention)? = set.applied.first else { throw CommandError("\(place.name) is no SAE") }
            let reader = LatentReader(
                intervention.sae, model: model, kv: compute.kvFormat, longest: max(chunks.length, prompt.count, injection.longest),
                pool: pool)
            var probe = LatentProbe(reader: reader, tokenizer: bundle.tokenizer, words: words, marks: marks, search: search)
            if let tags { try probe.readTags(prompt, tags) }
            let progress = ProgressReporter("resa: reading \(hookpoint)", count: chunks.tokenCount)
            probe.read(chunks, progress: progress.report)
            progress.finish()
            let lens = LogitLens(model: model, kv: compute.kvFormat, pool: pool)
            names["\(hookpoint)"] = .object(
                try report.add(probe, hookpoint, lens, chunks, search, labelsAll: labelAll, tokenizer: bundle.tokenizer))
            if let plain { report.addInjection(inject(plain, reader, report.reported, chunks, bundle, hookpoint)) }
        }
        if tags != nil { report.addSpread(hookpoints, scores: scores, search) }
        if let labels { try write(names, to: labels) }
        json ? try Console.printJSON(report) : report.show()
    }

    private func inject(
        _ texts: [[Int32]], _ reader: LatentReader, _ latents: [Int32], _ chunks: TokenChunks, _ bundle: ModelBundle, _ hookpoint: HookPoint
    ) -> [InjectionProbe.Result] {
        let probe = InjectionProbe(
            reader: reader, latents: latents, texts: texts, injection: TokenInjection(seed: search.seed, count: injection.inject),
            permutations: search.permutations)
        let progress = ProgressReporter("resa: putting tokens into plain text at \(hookpoint)")
        defer { progress.finish() }
        return probe.run(
            chunks, candidates: injection.injectFrom, shown: { ProbeReport.shown($0, bundle.tokenizer) }, progress: progress.report)
    }

    private func hookpoints(_ place: AdapterPlace, _ bundle: ModelBundle) throws -> [HookPoint] {
        let summary = AdapterRegistry.inspect(folder: place.folder, name: place.name, shape: bundle.config.shape)
        if let error = summary.error { throw CommandError("\(error)") }
        guard summary.kind == .sae else {
            throw CommandError("\(place.name) is a \(summary.kind?.rawValue ?? "folder of no known kind"); only SAEs have latents to probe")
        }
        let found = summary.hookpoints.filter { layer == nil || $0.layer == layer }
        guard !found.isEmpty else {
            throw AdapterError.noSuchHookpoint(adapter: place.name, wanted: "at layer \(layer ?? 0)", has: summary.hookpoints)
        }
        return found.sorted()
    }

    private func write(_ names: JSONObject, to path: String) throws {
        try OutputFile.write(String(decoding: JSONWriter.bytes(.object(names)), as: UTF8.self), to: path)
    }
}
