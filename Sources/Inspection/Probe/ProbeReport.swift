/// What a probe found.
package struct ProbeReport: Encodable {
    package let model: String
    package let adapter: String
    package let data: String
    /// Read of the data, at every hookpoint.
    package let tokens: Int
    package let seed: UInt64
    package let words: [String]
    package let windowBefore: Int
    package let windowAfter: Int
    package internal(set) var hookpoints: [Place] = []
    /// Of the latents at the think tags over the hookpoints.
    package internal(set) var spread: Spread?

    package struct Place: Encodable {
        package let hookpoint: String
        package let latents: Int
        /// Those that acted in the data.
        package let seen: Int
        package let tokensInside: Int
        package let tokensOutside: Int
        package let scoreNull: ScoreNull?
        package let tags: Tags?
        /// Highest ReasonScore first, then those at the think tags.
        package let reported: [Latent]
        /// Of the reported latents, in their order.
        package internal(set) var injection: [InjectionProbe.Result]?
    }

    package struct Tags: Encodable {
        package let count: Int
        package let latents: [Int32]
        package let pairs: Int
        package let nullMean: Double
        package let nullMaximum: Int
        package let p: Double
    }

    /// ReasonScores with the windows in other places.
    package struct ScoreNull: Encodable {
        package let draws: Int
        /// The highest score of any latent, in the mean over draws.
        package let meanMaximum: Double
        /// Latents whose score no latent reaches in 19 of 20 draws.
        package let beyondChance: Int
    }

    package struct Latent: Encodable {
        package let latent: Int
        package let reasonScore: Double
        /// How often the latent, and any latent, has as high a score with the windows in other places.
        package let p: Double?
        package let pAny: Double?
        package let entropy: Double
        package let meanInside: Double
        package let meanOutside: Double
        package let firings: Int
        package let atTags: Bool
        package let lens: [String]
        package let contexts: [Context]
    }

    package struct Context: Encodable {
        package let activation: Float
        package let chunk: Int
        package let position: Int
        package let before: String
        package let token: String
        package let after: String
    }

    package struct Spread: Encodable {
        package let chiSquare: Double
        package let p: Double
        package let permutations: Int
        /// Nil where there are no more layers than components.
        package let mixture: Mixture?
        package let layerScores: Correlation?
    }

    package struct Mixture: Encodable {
        package let components: [Component]
        /// Expected at each hookpoint.
        package let shares: [Double]
        package let overlap: Figure
        package let gain: Figure

        package struct Component: Encodable {
            package let weight: Double
            package let mean: Double
            package let deviation: Double
        }

        package struct Figure: Encodable {
            package let observed: Double
            package let nullMean: Double
            package let null95: Double
            package let p: Double

            init(_ figure: LayerMixture.Figure) {
                (observed, nullMean, null95, p) = (figure.observed, figure.nullMean, figure.null95, figure.p)
            }
        }

        init(_ fit: LayerMixture) {
            components = fit.mixture.components.map { Component(weight: $0.weight, mean: $0.mean, deviation: $0.deviation) }
            (shares, overlap, gain) = (fit.shares, Figure(fit.overlap), Figure(fit.gain))
        }
    }

    package struct Correlation: Encodable {
        /// Hookpoints compared.
        package let hookpoints: Int
        package let r: Double
        package let p: Double
    }

    init(model: String, adapter: String, data: String, tokens: Int, seed: UInt64, words: ReasoningWords) {
        (self.model, self.adapter, self.data, self.tokens, self.seed) = (model, adapter, data, tokens, seed)
        (self.words, windowBefore, windowAfter) = (words.words, words.before, words.after)
    }
}
