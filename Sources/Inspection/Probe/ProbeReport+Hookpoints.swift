import Adapters
import Foundation
import JSONText
import Texts
import Tokenizers
import Workbench

extension ProbeReport {
    /// Adds a hookpoint.
    /// - Returns: names for latents, by their numbers.
    mutating func add(
        _ probe: LatentProbe, _ hookpoint: HookPoint, _ lens: LogitLens, _ chunks: TokenChunks, _ search: ProbeSettings,
        tokenizer: Tokenizer,
        watcher: any WorkWatcher
    ) throws -> JSONObject {
        let scores = try probe.score.scores(file: data)
        let firings = probe.strongest.firings
        let acting = scores.indices.filter { firings[$0] > 0 }
        let ranked = acting.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(search.top)
        let atTags = Set((probe.tags?.latents ?? []).map { Int($0) })
        let chosen = ranked + atTags.subtracting(ranked).sorted()
        let named = search.labelsAll ? Set(acting).union(chosen).sorted() : Array(chosen)
        let strongest = watcher.watch("resa: naming latents of \(hookpoint)", count: named.count) { report in
            lens.tokens(named.map { Int32($0) }, of: probe.reader.sae, count: search.lens, progress: report)
        }
        var texts: [Int: [String]] = [:]
        for (latent, tokens) in zip(named, strongest) { texts[latent] = tokens.map { Self.shown($0, tokenizer) } }
        let (chances, maximum) = probe.null.compare(scores)
        let hasNull = probe.null.draws > 0
        let latents = chosen.map { latent in
            Latent(
                latent: latent, reasonScore: scores[latent], p: hasNull ? chances[latent].p : nil,
                pAny: hasNull ? chances[latent].pAny : nil, entropy: probe.score.entropy(latent),
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
                tokensOutside: probe.score.outside,
                scoreNull: hasNull
                    ? ScoreNull(
                        draws: probe.null.draws, meanMaximum: maximum, beyondChance: acting.count { chances[$0].pAny <= 0.05 })
                    : nil, tags: tags, reported: Array(latents)))
        var names = JSONObject()
        for latent in named { names[String(latent)] = .string((texts[latent] ?? []).joined(separator: ", ")) }
        return names
    }

    /// The latents reported of the hookpoint added last.
    var reported: [Int32] { hookpoints.last?.reported.map { Int32($0.latent) } ?? [] }

    /// To the hookpoint added last.
    mutating func addInjection(_ results: [InjectionProbe.Result]) { hookpoints[hookpoints.count - 1].injection = results }

    /// - Parameter scores: numbers to compare the counts with, of some hookpoints.
    mutating func addSpread(_ places: [HookPoint], scores: [HookPoint: Double]?, _ search: ProbeSettings) {
        let counts = hookpoints.map { $0.tags?.count ?? 0 }
        guard let found = UniformSpread(counts: counts, permutations: search.permutations, seed: search.seed) else { return }
        let mixture = LayerMixture(
            counts: counts, layers: places.map(\.layer), components: search.components, permutations: search.permutations, seed: search.seed
        )
        let pairs = zip(places, counts).compactMap { place, count in scores?[place].map { (Double(count), $0) } }
        let correlation = LayerCorrelation(pairs.map(\.0), pairs.map(\.1), permutations: search.permutations, seed: search.seed)
        spread = Spread(
            chiSquare: found.chiSquare, p: found.p, permutations: search.permutations, mixture: mixture.map(Mixture.init),
            layerScores: correlation.map { Correlation(hookpoints: pairs.count, r: $0.r, p: $0.p) })
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
