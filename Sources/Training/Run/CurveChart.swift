import Foundation
import JSONText

/// Curves over steps, stacked in one SVG: each with its own vertical axis from its least to its greatest value.
package struct CurveChart {
    package struct Curve {
        var title: String
        var points: [(step: Double, value: Double)]

        package init(title: String, points: [(step: Double, value: Double)]) { (self.title, self.points) = (title, points) }

        /// Of a log's lines, those that have a value.
        init(title: String, log: [JSON], value: (JSON) -> Double?) {
            self.init(
                title: title, points: log.compactMap { line in line["step"]?.double.flatMap { step in value(line).map { (step, $0) } } })
        }
    }

    private static let width = 800.0
    private static let height = 220.0
    private static let left = 90.0
    private static let most = 1500

    /// - Parameter title: any text.
    package static func svg(title: String, curves: [Curve]) -> String {
        let whole = height * Double(curves.count) + 40
        var body = text(title, x: left, y: 26, size: 16)
        for (index, curve) in curves.enumerated() { body += panel(curve, top: 40 + height * Double(index)) }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(width))" height="\(Int(whole))" viewBox="0 0 \(Int(width)) \(Int(whole))" \
            font-family="system-ui, Helvetica, Arial, sans-serif">
            <rect width="\(Int(width))" height="\(Int(whole))" fill="#ffffff"/>
            \(body)</svg>

            """
    }

    private static func panel(_ curve: Curve, top: Double) -> String {
        let points = thinned(curve.points.filter { $0.value.isFinite })
        guard let first = points.first, let last = points.last else { return "" }
        let (least, greatest) = (points.map(\.value).min() ?? 0, points.map(\.value).max() ?? 0)
        let span = greatest > least ? greatest - least : 1
        let steps = last.step > first.step ? last.step - first.step : 1
        let (right, bottom, upper) = (width - 20, top + height - 40, top + 26)
        let line = points.map { point in
            let x = left + (point.step - first.step) / steps * (right - left)
            let y = bottom - (point.value - least) / span * (bottom - upper)
            return String(format: "%.1f,%.1f", x, y)
        }
        return text(curve.title, x: left, y: top + 18, size: 13)
            + "<path d=\"M\(left) \(upper)V\(bottom)H\(right)\" fill=\"none\" stroke=\"#9ca3af\"/>\n"
            + "<polyline points=\"\(line.joined(separator: " "))\" fill=\"none\" stroke=\"#2563eb\" stroke-width=\"1.5\"/>\n"
            + text(String(format: "%.4g", greatest), x: left - 6, y: upper + 4, size: 12, anchor: "end")
            + text(String(format: "%.4g", least), x: left - 6, y: bottom, size: 12, anchor: "end")
            + text(String(format: "step %.0f", first.step), x: left, y: bottom + 16, size: 12)
            + text(String(format: "%.0f", last.step), x: right, y: bottom + 16, size: 12, anchor: "end")
    }

    /// Long runs as means over equal stretches.
    private static func thinned(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
        guard points.count > most else { return points }
        return (0..<most).map { index in
            let part = points[points.count * index / most..<points.count * (index + 1) / most]
            return (step: part.last!.step, value: part.reduce(0) { $0 + $1.value } / Double(part.count))
        }
    }

    private static func text(_ text: String, x: Double, y: Double, size: Int, anchor: String = "start") -> String {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return "<text x=\"\(x)\" y=\"\(y)\" font-size=\"\(size)\" fill=\"#111827\" text-anchor=\"\(anchor)\">\(escaped)</text>\n"
    }
}
