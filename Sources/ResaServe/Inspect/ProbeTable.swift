import Foundation
import Inspection
import Terminal

/// A report on the terminal.
extension ProbeReport {
    func show() {
        Console.printFacts([
            ("model", model), ("adapter", adapter), ("text", "\(tokens) tokens of \(data)"),
            ("words", "\(words.joined(separator: ", ")); windows of \(windowBefore) tokens before and \(windowAfter) after"),
        ])
        for place in hookpoints { Self.show(place) }
        if let spread { Self.show(spread) }
    }

    private static func show(_ spread: Spread) {
        Console.printLine(
            String(
                format: "\nLatents at the think tags spread over the hookpoints: chi-square %.2f from a uniform spread, p %.4f",
                spread.chiSquare, spread.p))
        if let mixture = spread.mixture {
            let parts = mixture.components.map { String(format: "%.0f %% at layer %.1f +- %.1f", $0.weight * 100, $0.mean, $0.deviation) }
            Console.printLine("Mixture of \(parts.count) Gaussians over layers: \(parts.joined(separator: ", "))")
            Console.printTable(
                ["fit", "counts", "uniform spreads", "95 % below", "p"],
                [("covers, share of latents", mixture.overlap), ("gain on uniform, nats a latent", mixture.gain)].map { name, figure in
                    [name] + [figure.observed, figure.nullMean, figure.null95, figure.p].map { String(format: "%.4f", $0) }
                })
        }
        if let scores = spread.layerScores {
            Console.printLine(
                String(
                    format: "With the layers' scores: correlation %.3f over %d hookpoints, p %.4f", scores.r, scores.hookpoints, scores.p))
        }
    }

    private static func show(_ place: Place) {
        let tags = place.tags.map {
            String(
                format: "%d act at the think tags and nowhere else; any pair of kinds of tokens: %.2f in the mean, at most %d, p %.4f",
                $0.count, $0.nullMean, $0.nullMaximum, $0.p)
        }
        let null = place.scoreNull.map {
            String(
                format: "%d latents beyond 19 of 20 draws of windows in other places, whose highest score is %.5f in the mean",
                $0.beyondChance, $0.meanMaximum)
        }
        Console.printFacts([
            ("\nhookpoint", place.hookpoint), ("latents", "\(place.latents), \(place.seen) of them act in the text"), ("think tags", tags),
            ("windows", "\(place.tokensInside) tokens inside, \(place.tokensOutside) outside"),
            ("ReasonScore", null),
        ])
        func p(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "-" }
        let rows = place.reported.map { latent in
            let context = latent.contexts.first.map { "\($0.before)[\($0.token)]\($0.after)" } ?? ""
            return [
                "\(latent.latent)\(latent.atTags ? " *" : "")", String(format: "%.5f", latent.reasonScore), p(latent.p), p(latent.pAny),
                String(format: "%.3f", latent.entropy), String(format: "%.4g", latent.meanInside),
                String(format: "%.4g", latent.meanOutside),
                "\(latent.firings)", latent.lens.joined(separator: ", "), context.replacingOccurrences(of: "\n", with: "\\n"),
            ]
        }
        Console.printTable(
            ["latent", "ReasonScore", "p", "p of any", "entropy", "inside", "outside", "firings", "speaks for", "acts most at"], rows)
        if let injection = place.injection { show(injection) }
    }

    private static func show(_ results: [InjectionProbe.Result]) {
        func effect(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "-" }
        Console.printLine("")
        Console.printTable(
            ["latent", "plain text", "injected", "d", "p", "is", "other tokens", "d", "p", "injected tokens"],
            results.map {
                [
                    "\($0.latent)", String(format: "%.4g", $0.meanPlain), String(format: "%.4g", $0.meanInjected), effect($0.effect),
                    String(format: "%.4f", $0.p), $0.verdict, String(format: "%.4g", $0.meanControl), effect($0.controlEffect),
                    String(format: "%.4f", $0.controlP), $0.tokens.joined(separator: ", "),
                ]
            })
    }
}
