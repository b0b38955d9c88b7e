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
        let scoreNull: ScoreNull?
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

    /// ReasonScores with the windows in other places.
    struct ScoreNull: Encodable {
        let draws: Int
        /// The highest score of any latent, in the mean over draws.
        let meanMaximum: Double
        /// Latents whose score no latent reaches in 19 of 20 draws.
        let beyondChance: Int
    }

    struct Latent: Encodable {
        let latent: Int
        let reasonScore: Double
        /// How often the latent, and any latent, has as high a score with the windows in other places.
        let p: Double?
        let pAny: Double?
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
        /// Nil where there are no more layers than components.
        let mixture: Mixture?
        let layerScores: Correlation?
    }

    struct Mixture: Encodable {
        let components: [Component]
        /// Expected at each hookpoint.
        let shares: [Double]
        let overlap: Figure
        let gain: Figure

        struct Component: Encodable {
            let weight: Double
            let mean: Double
            let deviation: Double
        }

        struct Figure: Encodable {
            let observed: Double
            let nullMean: Double
            let null95: Double
            let p: Double

            init(_ figure: LayerMixture.Figure) {
                (observed, nullMean, null95, p) = (figure.observed, figure.nullMean, figure.null95, figure.p)
            }
        }

        init(_ fit: LayerMixture) {
            components = fit.mixture.components.map { Component(weight: $0.weight, mean: $0.mean, deviation: $0.deviation) }
            (shares, overlap, gain) = (fit.shares, Figure(fit.overlap), Figure(fit.gain))
        }
    }

    struct Correlation: Encodable {
        /// Hookpoints compared.
        let hookpoints: Int
        let r: Double
        let p: Double
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
    mutating func addSpread(_ places: [HookPoint], scores: [HookPoint: Double]?, _ search: ProbeOptions) {
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
