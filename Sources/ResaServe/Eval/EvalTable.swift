import Evaluation
import Foundation
import Terminal

/// A report on the terminal.
struct EvalTable {
    private let report: EvaluationReport

    init(_ report: EvaluationReport) { self.report = report }

    func print() {
        let settings = report.settings
        Console.printFacts([
            ("model", report.model), ("prompt", settings["prompt"]),
            (
                "sampling",
                ["temperature", "top_p", "max_tokens", "seed"].compactMap { name in settings[name].map { "\(name) \($0)" } }
                    .joined(separator: ", ")
            ), ("answers", "\(report.answered) of \(report.questions), \(report.samples) a problem"),
        ])
        guard !report.rows.isEmpty else {
            Console.printLine("\nNo problem has all its answers yet.")
            return
        }
        printRates()
        printComparisons()
    }

    private func percent(_ value: Double) -> String { String(format: "%.1f", value * 100) }

    private func printRates() {
        let ks = report.rows.first?.passAtK.map(\.k) ?? []
        Console.printLine("")
        Console.printTable(
            ["data", "arm", "problems", "pass@1 %", "s.e."] + ks.map { "pass@\($0) %" } + [
                "tokens", "median", "cut off %", "no answer %", "role",
            ],
            report.rows.map { row -> [String] in
                var cells = [row.data, row.arm, "\(row.problems)", percent(row.passAt1), row.standardError.map(percent) ?? "-"]
                cells += row.passAtK.map { percent($0.value) }
                cells += [String(format: "%.0f", row.meanTokens), String(format: "%.0f", row.medianTokens)]
                return cells + [percent(row.truncatedShare), percent(row.unansweredShare), row.role]
            })
    }

    private func printComparisons() {
        let compared = report.rows.compactMap { row in row.comparison.map { (row, $0) } }
        guard !compared.isEmpty else { return }
        func p(_ value: Double) -> String { String(format: "%.3g", value) }
        Console.printLine("\nAgainst the bare model on the same problems and seeds; p corrected by Holm for \(compared.count) comparisons")
        Console.printTable(
            ["data", "arm", "difference", "s.e.", "95 %", "bootstrap p", "corrected", "better/worse", "McNemar p", "corrected"],
            compared.map { row, comparison -> [String] in
                [
                    row.data, row.arm, String(format: "%+.1f", comparison.difference * 100), comparison.standardError.map(percent) ?? "-",
                    String(format: "%+.1f to %+.1f", comparison.low * 100, comparison.high * 100), p(comparison.bootstrapP),
                    p(comparison.bootstrapPHolm), "\(comparison.better)/\(comparison.worse)", p(comparison.mcnemarP),
                    p(comparison.mcnemarPHolm),
                ]
            })
    }
}
