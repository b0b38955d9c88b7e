import Adapters
import Foundation
import JSONText
import Tokenizers
import Training

/// What `resa probe` found.
struct ProbeReport: Encodable {
    let model: String
    let adapter: String
    let data: String
    /// Read of the data, at every hookpoint.
    let tokens: Int
    let seed: UInt64
    let words: [String]
    let windowBefore: Int
    let windowAfter: Int
    private(set) var hookpoints: [Place] = []
    /// Of the latents at the think tags over the hookpoints.
    private(set) var spread: Spread?

    struct Place: Encodable {
        let hookpoint: String
        let latents: Int
        /// Those that acted in the data.
        let seen: Int
        let tokensInside: Int
        let tokensOutside: Int
        let tags: Tags?
        /// Highest ReasonScore first, then those at the think tags.
        let reported: [Latent]
        /// Of the reported latents, in their order.
        var injection: [InjectionProbe.Result]?
    }

    struct Tags: Encodable {
        let count: Int
        let latents: [Int32]
        let pairs: Int
        let nullMean: Double
        let nullMaximum: Int
        let p: Double
    }

    struct Latent: Encodable {
        let latent: Int
        let reasonScore: Double
        let entropy: Double
        let meanInside: Double
        let meanOutside: Double
        let firings: Int
        let atTags: Bool
        let lens: [String]
        let contexts: [Context]
    }

    struct Context: Encodable {
        let activation: Float
        let chunk: Int
        let position: Int
        let before: String
        let token: String
        let after: String
    }

    struct Spread: Encodable {
        let chiSquare: Double
        let p: Double
        let permutations: Int
    }

    init(model: String, adapter: String, data: String, tokens: Int, seed: UInt64, words: ReasoningWords) {
        (self.model, self.adapter, self.data, self.tokens, self.seed) = (model, adapter, data, tokens, seed)
        (self.words, windowBefore, windowAfter) = (words.words, words.before, words.after)
    }

    /// Adds a hookpoint.
    /// - Returns: names for latents, by their numbers.
    mutating func add(
        _ probe: LatentProbe, _ hookpoint: HookPoint, _ lens: LogitLens, _ chunks: TokenChunks, _ search: ProbeOptions, labelsAll: Bool,
        tokenizer: Tokenizer
    ) throws -> JSONObject {
        let scores = try probe.score.scores(file: data)
        let firings = probe.strongest.firings
        let acting = scores.indices.filter { firings[$0] > 0 }
        let ranked = acting.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(search.top)
        let atTags = Set((probe.tags?.latents ?? []).map { Int($0) })
        let chosen = ranked + atTags.subtracting(ranked).sorted()
        let named = labelsAll ? Set(acting).union(chosen).sorted() : Array(chosen)
        let progress = ProgressReporter("resa: naming latents of \(hookpoint)", count: named.count)
        let strongest = lens.tokens(named.map { Int32($0) }, of: probe.reader.sae, count: search.lens, progress: progress.report)
        progress.finish()
        var texts: [Int: [String]] = [:]
        for (latent, tokens) in zip(named, strongest) { texts[latent] = tokens.map { Self.shown($0, tokenizer) } }
        let latents = chosen.map { latent in
            Latent(
                latent: latent, reasonScore: scores[latent], entropy: probe.score.entropy(latent),
                meanInside: probe.score.means(latent).inside, meanOutside: probe.score.means(latent).outside, firings: firings[latent],
                atTags: atTags.contains(latent), lens: texts[latent] ?? [],
                contexts: probe.strongest.strongest(latent).map { Self.context($0, chunks, search.contextTokens, tokenizer) })
        }
        let tags = probe.tags.map {
            Tags(
                count: $0.latents.count, latents: $0.latents, pairs: $0.pairs, nullMean: $0.nullMean, nullMaximum: $0.nullMaximum, p: $0.p)
        }
        hookpoints.append(
            Place(
                hookpoint: "\(hookpoint)", latents: scores.count, seen: acting.count, tokensInside: probe.score.inside,
                tokensOutside: probe.score.outside, tags: tags, reported: Array(latents)))
        var names = JSONObject()
        for latent in named { names[String(latent)] = .string((texts[latent] ?? []).joined(separator: ", ")) }
        return names
    }

    /// The latents reported of the hookpoint added last.
    var reported: [Int32] { hookpoints.last?.reported.map { Int32($0.latent) } ?? [] }

    /// To the hookpoint added last.
    mutating func addInjection(_ results: [InjectionProbe.Result]) { hookpoints[hookpoints.count - 1].injection = results }

    mutating func addSpread(permutations: Int, seed: UInt64) {
        let counts = hookpoints.map { $0.tags?.count ?? 0 }
        guard let found = UniformSpread(counts: counts, permutations: permutations, seed: seed) else { return }
        spread = Spread(chiSquare: found.chiSquare, p: found.p, permutations: permutations)
    }

    /// A token without the space it begins with; its bytes' name where it is not text.
    static func shown(_ token: Int32, _ tokenizer: Tokenizer) -> String {
        let text = tokenizer.decode([token]).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty || text.contains("\u{FFFD}") ? tokenizer.piece(token) : text
    }

    private static func context(
        _ place: StrongestContexts.Place, _ chunks: TokenChunks, _ reach: Int, _ tokenizer: Tokenizer
    ) -> Context {
        let tokens = chunks.tokens(place.chunk)
        let at = place.position
        return Context(
            activation: place.activation, chunk: place.chunk, position: at, before: tokenizer.decode(tokens[max(0, at - reach)..<at]),
            token: tokenizer.decode([tokens[at]]), after: tokenizer.decode(tokens[(at + 1)..<min(tokens.count, at + 1 + reach)]))
    }
}

extension ProbeReport {
    func show() {
        Console.printFacts([
            ("model", model), ("adapter", adapter), ("text", "\(tokens) tokens of \(data)"),
            ("words", "\(words.joined(separator: ", ")); windows of \(windowBefore) tokens before and \(windowAfter) after"),
        ])
        for place in hookpoints { Self.show(place) }
        if let spread {
            Console.printLine(
                String(
                    format: "\nLatents at the think tags spread over the hookpoints: chi-square %.2f from a uniform spread, p %.4f",
                    spread.chiSquare, spread.p))
        }
    }

    private static func show(_ place: Place) {
        let tags = place.tags.map {
            String(
                format: "%d act at the think tags and nowhere else; any pair of kinds of tokens: %.2f in the mean, at most %d, p %.4f",
                $0.count, $0.nullMean, $0.nullMaximum, $0.p)
        }
        Console.printFacts([
            ("\nhookpoint", place.hookpoint), ("latents", "\(place.latents), \(place.seen) of them act in the text"), ("think tags", tags),
            ("windows", "\(place.tokensInside) tokens inside, \(place.tokensOutside) outside"),
        ])
        let rows = place.reported.map { latent in
            let context = latent.contexts.first.map { "\($0.before)[\($0.token)]\($0.after)" } ?? ""
            return [
                "\(latent.latent)\(latent.atTags ? " *" : "")", String(format: "%.5f", latent.reasonScore),
                String(format: "%.3f", latent.entropy), String(format: "%.4g", latent.meanInside),
                String(format: "%.4g", latent.meanOutside),
                "\(latent.firings)", latent.lens.joined(separator: ", "), context.replacingOccurrences(of: "\n", with: "\\n"),
            ]
        }
        Console.printTable(["latent", "ReasonScore", "entropy", "inside", "outside", "firings", "speaks for", "acts most at"], rows)
        if let injection = place.injection { show(injection) }
    }

    private static func show(_ results: [InjectionProbe.Result]) {
        func effect(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "-" }
        Console.printLine("")
        Console.printTable(
            ["latent", "plain text", "injected", "d", "p", "other tokens", "d", "p", "injected tokens"],
            results.map {
                [
                    "\($0.latent)", String(format: "%.4g", $0.meanPlain), String(format: "%.4g", $0.meanInjected), effect($0.effect),
                    String(format: "%.4f", $0.p), String(format: "%.4g", $0.meanControl), effect($0.controlEffect),
                    String(format: "%.4f", $0.controlP), $0.tokens.joined(separator: ", "),
                ]
            })
    }
}
