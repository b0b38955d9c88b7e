import AdapterRegistry
import Adapters
import JSONText
import Models
import Tensors
import Texts
import Tokenizers
import Workbench

/// What the latents of an SAE respond to: reads a system prompt and text with the model, one hookpoint after the other.
package struct LatentSearch {
    package let report: ProbeReport
    /// Names for latents, by hookpoint and number, in the form of an adapter's `labels.json`.
    package let names: JSONObject

    /// What is looked into, with what.
    package struct Question {
        package var place: AdapterFolder
        /// Only the SAE's hookpoints at this layer.
        package var layer: Int?
        package var data: TriggerData
        package var search = ProbeSettings()
        /// Nil leaves the token-injection test out.
        package var injection: InjectionSettings?

        package init(_ place: AdapterFolder, data: TriggerData) { (self.place, self.data) = (place, data) }
    }

    /// - Throws: `InspectionError`, `TextError` for unusable text, `AdapterError` for an SAE that cannot be used, and what opening the model
    ///   throws.
    package static func run(_ question: Question, on bench: Workbench) async throws -> LatentSearch {
        let (search, bundle, place) = (question.search, bench.bundle, question.place)
        let words = try ReasoningWords(words: search.words, before: search.before, after: search.after)
        let hookpoints = try hookpoints(question, bundle)
        let tags = try search.tags(bundle.tokenizer)
        let scores = try search.scores(hookpoints)
        let marks = Set(bundle.config.eosTokens + [bundle.tokenizer.bosToken, bundle.tokenizer.eosToken].compactMap { $0 })
        let prompt = tags == nil ? [] : bundle.tokenizer.encode(question.data.system, addSpecialTokens: false)
        let chunks = try bench.chunks(question.data)
        let plain = try question.injection.map { try texts($0, bench) }
        let (pool, model) = (bench.pool, try bench.model())
        var report = ProbeReport(
            model: bundle.name, adapter: place.name, data: question.data.path, tokens: chunks.tokenCount, seed: search.seed, words: words)
        var names = JSONObject()
        for hookpoint in hookpoints {
            // One at a time: an SAE of each layer together may take more memory than the model.
            let set = try await bench.load(
                AdapterSelection(name: place.plainName, layer: hookpoint.layer, at: hookpoint.site, mode: .observe), from: place.folder)
            guard case .sae(let intervention)? = set.applied.first else { throw InspectionError.unusable("\(place.name) is no SAE") }
            let reader = LatentReader(
                intervention.sae, model: model, kv: bench.settings.kvFormat,
                longest: max(chunks.length, prompt.count, question.injection?.longest ?? 0), pool: pool)
            var probe = LatentProbe(reader: reader, tokenizer: bundle.tokenizer, words: words, marks: marks, search: search)
            if let tags { try probe.readTags(prompt, tags) }
            bench.watcher.watch("resa: reading \(hookpoint)", count: chunks.tokenCount) { probe.read(chunks, progress: $0) }
            let lens = LogitLens(model: model, kv: bench.settings.kvFormat, pool: pool)
            names["\(hookpoint)"] = .object(
                try report.add(probe, hookpoint, lens, chunks, search, tokenizer: bundle.tokenizer, watcher: bench.watcher))
            if let injection = question.injection, let plain {
                let test = InjectionProbe(
                    reader: reader, latents: report.reported, texts: plain,
                    injection: TokenInjection(seed: search.seed, count: injection.count), permutations: search.permutations)
                let results = bench.watcher.watch("resa: putting tokens into plain text at \(hookpoint)") { progress in
                    test.run(
                        chunks, candidates: injection.candidates, shown: { ProbeReport.shown($0, bundle.tokenizer) }, progress: progress)
                }
                report.addInjection(results)
            }
        }
        if tags != nil { report.addSpread(hookpoints, scores: scores, search) }
        return LatentSearch(report: report, names: names)
    }

    private static func hookpoints(_ question: Question, _ bundle: ModelBundle) throws -> [HookPoint] {
        let summary = question.place.summary(for: bundle.config.shape)
        if let error = summary.error { throw InspectionError.unusable(error) }
        guard summary.kind == .sae else { throw InspectionError.noSAE(adapter: question.place.name, kind: summary.kind?.rawValue) }
        let found = summary.hookpoints.filter { question.layer == nil || $0.layer == question.layer }
        guard !found.isEmpty else {
            throw AdapterError.noSuchHookpoint(
                adapter: question.place.name, wanted: "at layer \(question.layer ?? 0)", has: summary.hookpoints)
        }
        return found.sorted()
    }

    /// What tokens are put into, two texts at least.
    private static func texts(_ injection: InjectionSettings, _ bench: Workbench) throws -> [[Int32]] {
        guard injection.longest <= bench.bundle.config.contextLength else {
            throw InspectionError.badSetting(
                name: "--plain-length", problem: "and --inject make \(injection.longest) tokens, more than the model's context")
        }
        let eos = try bench.endOfSequence()
        let rows = try TriggerFile(path: injection.plain, template: .raw, chat: nil).rows
        let chunks = try TokenChunks(
            rows: rows, tokenizer: bench.bundle.tokenizer, eos: eos, length: injection.length, file: injection.plain)
        guard chunks.count >= 2 else {
            throw TextError(
                file: injection.plain,
                problem: "makes \(chunks.count) text of \(chunks.length) tokens, but two are needed; give more text")
        }
        return (0..<min(chunks.count, injection.texts)).map(chunks.tokens)
    }
}
