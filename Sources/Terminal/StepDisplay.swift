import Foundation
import Measuring

/// Shows a run of many steps on standard error: a bar with loss, tokens a second and the time left on a terminal; otherwise one plain line every
/// few seconds.
package final class StepDisplay {
    private let label: String
    private let isTerminal = Console.errorIsTerminal
    private let start = ContinuousClock.now
    private var lastReport: ContinuousClock.Instant?

    package init(_ label: String) { self.label = label }

    /// - Parameters:
    ///   - step: done of `steps`, of which `found` were done before this began.
    ///   - loss: of the step.
    package func report(step: Int, of steps: Int, found: Int, loss: Double, tokensPerSecond: Double) {
        let now = ContinuousClock.now
        let isLast = step == steps
        if let lastReport, !isLast, now - lastReport < (isTerminal ? .milliseconds(100) : .seconds(5)) { return }
        lastReport = now
        let fraction = Double(step) / Double(max(steps, 1))
        let elapsed = (now - start).seconds
        let left = elapsed / Double(max(step - found, 1)) * Double(steps - step)
        var line = label
        if isTerminal {
            let filled = Int(fraction * 24)
            line += " [\(String(repeating: "#", count: filled))\(String(repeating: ".", count: 24 - filled))]"
        }
        line += " step \(step) of \(steps), loss \(String(format: "%.5g", loss))"
        line += String(format: ", %.0f tokens/s", tokensPerSecond)
        if !isLast { line += ", \(Self.duration(left)) left" }
        if isTerminal { Console.draw(line) } else { Console.note("\(line)\n") }
    }

    package func finish() { if isTerminal, lastReport != nil { Console.note("\n") } }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        return whole < 120 ? "\(whole) s" : whole < 7200 ? "\(whole / 60) min" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
