import Foundation
import Training

/// Shows a training run on standard error: a bar with loss, tokens a second and the time left on a terminal; otherwise one plain line every
/// few seconds.
final class TrainingDisplay {
    private let label: String
    private let isTerminal = Console.errorIsTerminal
    private let start = ContinuousClock.now
    private var lastReport: ContinuousClock.Instant?

    init(_ label: String) { self.label = label }

    func report(_ progress: TuneRun.Progress) {
        let now = ContinuousClock.now
        let isLast = progress.step == progress.steps
        if let lastReport, !isLast, now - lastReport < (isTerminal ? .milliseconds(100) : .seconds(5)) { return }
        lastReport = now
        let fraction = Double(progress.step) / Double(max(progress.steps, 1))
        let elapsed = (now - start).inSeconds
        let left = elapsed / Double(max(progress.step - progress.found, 1)) * Double(progress.steps - progress.step)
        var line = label
        if isTerminal {
            let filled = Int(fraction * 24)
            line += " [\(String(repeating: "#", count: filled))\(String(repeating: ".", count: 24 - filled))]"
        }
        line += " step \(progress.step) of \(progress.steps), loss \(String(format: "%.5g", progress.loss))"
        line += String(format: ", %.0f tokens/s", progress.tokensPerSecond)
        if !isLast { line += ", \(Self.duration(left)) left" }
        if isTerminal { Console.draw(line) } else { Console.note("\(line)\n") }
    }

    func finish() { if isTerminal, lastReport != nil { Console.note("\n") } }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        return whole < 120 ? "\(whole) s" : whole < 7200 ? "\(whole / 60) min" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
