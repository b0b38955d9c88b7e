import Foundation
import Measuring

/// A report as one self-contained SVG page: pass@1 of every arm with its 95 % interval, and the differences from the base with theirs.
package struct EvaluationPage {
    private static let colors = ["#6b7280", "#2563eb", "#ea580c", "#15803d", "#7c3aed", "#b91c1c", "#0e7490", "#a16207"]
    private static let width = 1160.0
    private static let margin = 40.0
    private static let rowHeight = 24.0
    private static let labelWidth = 330.0

    private let report: EvaluationReport
    private var canvas = SVGCanvas()

    /// The whole document, UTF-8.
    package static func svg(_ report: EvaluationReport) -> String {
        var page = EvaluationPage(report: report)
        var y = page.drawHeading()
        var sets: [String] = []
        for row in report.rows where !sets.contains(row.data) { sets.append(row.data) }
        for set in sets { y = page.drawRates(report.rows.filter { $0.data == set }, set, at: y) }
        if report.rows.contains(where: { $0.comparison != nil }) { y = page.drawDifferences(at: y) }
        return page.canvas.document(width: width, height: y + margin, title: "Evaluation of \(report.model)")
    }

    private init(report: EvaluationReport) { self.report = report }

    private var left: Double { Self.margin + Self.labelWidth }
    private var right: Double { Self.width - Self.margin - 150 }

    private mutating func drawHeading() -> Double {
        canvas.text(SVGCanvas.shortened("Evaluation of \(report.model)", to: 70), x: Self.margin, y: 56, size: 26, isBold: true)
        let sampling = ["temperature", "top_p", "max_tokens", "prompt", "seed"].compactMap { name in
            report.settings[name].map { "\(name) \(SVGCanvas.shortened($0, to: 40))" }
        }
        canvas.text(
            "avg@\(report.samples), \(report.answered) of \(report.questions) answers; \(sampling.joined(separator: ", "))", x: Self.margin,
            y: 82, size: 14, fill: SVGCanvas.muted)
        canvas.text(
            "bars: 95 % intervals, clustered by problem; p: exact McNemar, Holm-corrected over all comparisons", x: Self.margin, y: 102,
            size: 14, fill: SVGCanvas.muted)
        return 132
    }

    private func color(_ arm: String) -> String {
        var arms: [String] = []
        for row in report.rows where !arms.contains(row.arm) { arms.append(row.arm) }
        return Self.colors[(arms.firstIndex(of: arm) ?? 0) % Self.colors.count]
    }

    /// - Returns: where the next part may begin.
    private mutating func drawRates(_ rows: [EvaluationReport.Row], _ set: String, at y: Double) -> Double {
        let heading = "pass@1 on \(set) (\(rows.first?.problems ?? 0) problems)"
        canvas.text(heading, x: Self.margin, y: y + 16, size: 16, isBold: true)
        let top = y + 28
        let bottom = top + Double(rows.count) * Self.rowHeight
        let greatest = rows.map { $0.passAt1 + 1.96 * ($0.standardError ?? 0) }.max() ?? 1
        let scale = ChartScale.linear(to: min(1, max(greatest, 0.01)), pixels: (left, right), marks: 5)
        drawMarks(scale, from: top, to: bottom) { FigureText.percent($0) }
        for (index, row) in rows.enumerated() {
            let middle = top + (Double(index) + 0.5) * Self.rowHeight
            canvas.text(SVGCanvas.shortened(row.arm, to: 44), x: left - 10, y: middle + 4, anchor: .end)
            canvas.rectangle(
                x: left, y: middle - 7, width: scale.pixel(row.passAt1) - left, height: 14, fill: color(row.arm), radius: 2)
            if let error = row.standardError {
                drawInterval(from: scale.pixel(row.passAt1 - 1.96 * error), to: scale.pixel(row.passAt1 + 1.96 * error), at: middle)
            }
            let error = row.standardError.map { String(format: " ± %.1f", $0 * 100) } ?? ""
            canvas.text(String(format: "%.1f", row.passAt1 * 100) + error + " %", x: right + 14, y: middle + 4)
        }
        return bottom + 44
    }

    private mutating func drawDifferences(at y: Double) -> Double {
        let rows = report.rows.filter { $0.comparison != nil }
        canvas.text("Difference from the base on the same problems", x: Self.margin, y: y + 16, size: 16, isBold: true)
        let top = y + 28
        let bottom = top + Double(rows.count) * Self.rowHeight
        let greatest = rows.compactMap(\.comparison).map { max(abs($0.low), abs($0.high), abs($0.difference)) }.max() ?? 1
        let scale = ChartScale.centred(to: max(greatest, 0.01), pixels: (left, right), marks: 3)
        drawMarks(scale, from: top, to: bottom) { String(format: "%+.1f", $0 * 100) }
        canvas.line(from: (scale.pixel(0), top), to: (scale.pixel(0), bottom), stroke: SVGCanvas.muted)
        for (index, row) in rows.enumerated() {
            guard let comparison = row.comparison else { continue }
            let middle = top + (Double(index) + 0.5) * Self.rowHeight
            canvas.text(SVGCanvas.shortened("\(row.data): \(row.arm)", to: 44), x: left - 10, y: middle + 4, anchor: .end)
            drawInterval(from: scale.pixel(comparison.low), to: scale.pixel(comparison.high), at: middle)
            canvas.rectangle(x: scale.pixel(comparison.difference) - 4, y: middle - 4, width: 8, height: 8, fill: color(row.arm), radius: 4)
            canvas.text(
                String(format: "%+.1f, p %.3g", comparison.difference * 100, comparison.mcnemarPHolm), x: right + 14, y: middle + 4)
        }
        return bottom + 44
    }

    private mutating func drawMarks(_ scale: ChartScale, from top: Double, to bottom: Double, _ text: (Double) -> String) {
        for mark in scale.marks {
            canvas.line(from: (scale.pixel(mark), top), to: (scale.pixel(mark), bottom), stroke: SVGCanvas.grid)
            canvas.text(text(mark), x: scale.pixel(mark), y: bottom + 16, size: 12, fill: SVGCanvas.muted, anchor: .middle)
        }
    }

    private mutating func drawInterval(from start: Double, to end: Double, at y: Double) {
        canvas.line(from: (start, y), to: (end, y), stroke: SVGCanvas.ink, width: 1.5)
        for x in [start, end] { canvas.line(from: (x, y - 4), to: (x, y + 4), stroke: SVGCanvas.ink, width: 1.5) }
    }
}
