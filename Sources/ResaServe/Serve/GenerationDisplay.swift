import Adapters
import Engine
import Foundation
import Measuring
import Terminal

/// An answer on the terminal: its text on standard output, everything else on standard error.
enum GenerationDisplay {
    /// Prints the text as it comes, and at its end what was applied and how fast it was.
    static func show(_ events: GenerationStream, applied: [AppliedReport]) async throws {
        let start = ContinuousClock.now
        var firstToken: ContinuousClock.Instant?
        var promptCount = 0
        var observed: [String] = []
        var wasNewline = true
        func show(_ text: String) {
            guard !text.isEmpty else { return }
            Console.print(text)
            wasNewline = text.hasSuffix("\n")
        }
        for await event in events {
            switch event {
            case .prompt(let report): promptCount = report.tokens
            case .token(let token):
                firstToken = firstToken ?? ContinuousClock.now
                show(token.text)
                if let observation = token.observation { observed.append(Self.line(token, observation)) }
            case .finished(let report):
                show(report.text)
                if !wasNewline { Console.print("\n") }
                for line in observed { Console.note(line + "\n") }
                var splices = report.splices[...]
                for adapter in applied {
                    let fit = adapter.mode == .splice ? splices.popFirst().map(Self.text) ?? "" : ""
                    Console.note("resa: applied \(Self.text(adapter))\(fit)\n")
                }
                Console.note("resa: \(summary(promptCount, report, start, firstToken))\n")
            case .failed(let error): throw error
            }
        }
    }

    private static func summary(
        _ prompt: Int, _ report: FinishReport, _ start: ContinuousClock.Instant, _ first: ContinuousClock.Instant?
    ) -> String {
        let end = ContinuousClock.now
        var text = "\(prompt) prompt tokens, \(report.generatedTokens) generated, ended by \(report.reason.rawValue)"
        if let first {
            text += String(format: ", first after %.2f s", (first - start).seconds)
            let seconds = (end - first).seconds
            if report.generatedTokens > 1, seconds > 0 {
                text += String(format: ", then %.1f tokens/s", Double(report.generatedTokens - 1) / seconds)
            }
        }
        return text
    }

    /// What interventions read where a token was predicted.
    private static func line(_ token: GeneratedToken, _ observation: TokenObservation) -> String {
        let readings = observation.readings.map { reading in
            let latents = reading.latents.map { "\($0.latent):" + String(format: "%.3g", $0.activation) }.joined(separator: " ")
            let fvu = reading.fvu.map { String(format: " FVU %.3f", $0) } ?? ""
            return "\(reading.adapter) \(reading.hookpoint) \(latents)\(fvu)"
        }
        return "\(token.text.debugDescription)\t\(readings.joined(separator: "; "))"
    }

    private static func text(_ splice: SpliceQuality) -> String {
        func part(_ name: String, _ fit: FractionOfVarianceUnexplained) -> String {
            fit.value.map { String(format: ", FVU of \(fit.rows) \(name) tokens %.3f", $0) } ?? ""
        }
        return part("prompt", splice.prompt) + part("generated", splice.generated)
    }

    private static func text(_ report: AppliedReport) -> String {
        var parts = ["\(report.name) (\(report.kind.rawValue), \(report.digest.prefix(19)))"]
        if let hookpoint = report.hookpoint { parts.append("at \(hookpoint)") }
        if let mode = report.mode { parts.append(mode.rawValue) }
        if let scale = report.scale { parts.append("scale \(scale)") }
        if let condition = report.condition {
            parts.append("when latent \(condition.latent) of \(condition.adapter) at \(condition.hookpoint) is above \(condition.above)")
        }
        parts += report.edits.map { "\($0.op.rawValue) latent \($0.latent)\($0.op == .ablate ? "" : " \($0.value)")" }
        return parts.joined(separator: ", ")
    }
}
