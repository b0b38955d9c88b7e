import Foundation
import Measuring

/// Tells on standard error how far something is, once it has taken a second: a bar with rate and time left on a terminal, one plain
/// line every few seconds otherwise.
package final class ProgressReporter {
    private let label: String
    /// What all of it amounts to, and how to show an amount; without it only the fraction is shown.
    private var total: (amount: Double, show: (Double) -> String)?
    /// What was done before this began: it says nothing about the rate.
    private var found = 0.0
    /// Shown with the rest.
    package var note: String?
    private let isTerminal = Console.errorIsTerminal
    private let start = ContinuousClock.now
    private var lastReport: ContinuousClock.Instant?
    private static let quietTime = Duration.seconds(1)

    package init(_ label: String) {
        self.label = label
        total = nil
    }

    /// For work on so many bytes.
    package init(_ label: String, bytes: Int) {
        self.label = label
        total = (Double(bytes), { Quantity.bytes(Int($0)) })
    }

    /// For so many things to be done.
    package init(_ label: String, count: Int) {
        self.label = label
        total = (Double(count), { String(format: $0 == $0.rounded() ? "%.0f" : "%.2f", $0) })
    }

    /// So many of them were done before this began.
    package func update(count found: Int) {
        if let total, total.amount > 0 { self.found = min(max(Double(found) / total.amount, 0), 1) }
    }

    /// For work on bytes of which some turn out to be done already, or whose number grows.
    package func update(bytes: Int, found: Int) {
        total = (Double(bytes), { Quantity.bytes(Int($0)) })
        self.found = bytes > 0 ? min(max(Double(found) / Double(bytes), 0), 1) : 0
    }

    /// - Parameter fraction: 0...1, not falling.
    package func report(_ fraction: Double) {
        let now = ContinuousClock.now
        let elapsed = now - start
        guard elapsed >= Self.quietTime, now - (lastReport ?? start) >= (isTerminal ? .milliseconds(100) : .seconds(1)) else { return }
        lastReport = now
        let fraction = min(max(fraction, 0), 1)
        var line = "\(label): \(Int(fraction * 100)) %"
        if isTerminal {
            let cells = 24
            let filled = Int(fraction * Double(cells))
            line =
                "\(label) [\(String(repeating: "#", count: filled))\(String(repeating: ".", count: cells - filled))] \(Int(fraction * 100)) %"
        }
        let gained = max(fraction - found, 0)
        if let total {
            line += ", \(total.show(total.amount * fraction)) of \(total.show(total.amount))"
            line += ", \(total.show(total.amount * gained / elapsed.seconds))/s"
        }
        if gained > 0 { line += ", \(Int((elapsed.seconds * (1 - fraction) / gained).rounded(.up))) s left" }
        if let note { line += ", \(note)" }
        show(line)
    }

    /// Ends the display: says how long it took if it said anything before.
    package func finish() {
        guard lastReport != nil else { return }
        let seconds = String(format: "%.1f", (ContinuousClock.now - start).seconds)
        show("\(label): done in \(seconds) s", ending: "\n")
    }

    /// Leaves the display as it is; what follows begins on a line of its own.
    package func breakOff() { if isTerminal, lastReport != nil { Console.note("\n") } }

    private func show(_ line: String, ending: String = "") {
        if isTerminal { Console.draw(line, ending: ending) } else { Console.note("\(line)\n") }
    }
}
