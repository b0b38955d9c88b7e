import Foundation

/// The curves of a training as SVG: fraction of variance unexplained over steps, one line a hookpoint.
struct ExtractChart {
    let names: [String]
    let curves: [[Double]]

    private static let (width, height, left, right, top, bottom) = (820.0, 420.0, 64.0, 180.0, 36.0, 48.0)
    private static let colours = ["#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b8860b", "#4a4e69", "#d1495b", "#00798c"]
    /// Points of a line: a longer curve is drawn as means of as many stretches.
    private static let points = 400

    var svg: String {
        let finite = curves.flatMap { $0 }.filter(\.isFinite)
        let highest = Self.roundUp(min(finite.max() ?? 1, 1.5))
        let steps = max(curves.map(\.count).max() ?? 1, 1)
        func x(_ step: Double) -> Double { Self.left + (Self.width - Self.left - Self.right) * step / Double(steps) }
        func y(_ value: Double) -> Double { Self.height - Self.bottom - (Self.height - Self.top - Self.bottom) * min(value / highest, 1) }
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Int(Self.width))\" height=\"\(Int(Self.height))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            Self.text(Self.left, 20, "Fraction of variance unexplained"),
        ]
        for tick in 0...4 {
            let value = highest * Double(tick) / 4
            parts.append(
                "<line x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(Self.number(y(value)))\" y2=\"\(Self.number(y(value)))\" stroke=\"#ddd\"/>")
            parts.append(Self.text(Self.left - 8, y(value) + 4, String(format: "%.3g", value), anchor: "end"))
            let step = Double(steps) * Double(tick) / 4
            parts.append(Self.text(x(step), Self.height - Self.bottom + 18, String(Int(step)), anchor: "middle"))
        }
        parts.append(Self.text(x(Double(steps) / 2), Self.height - 10, "step", anchor: "middle"))
        for (index, curve) in curves.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let line = Self.means(curve).map { "\(Self.number(x($0.step))),\(Self.number(y($0.value)))" }.joined(separator: " ")
            parts.append("<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\" points=\"\(line)\"/>")
            let last = curve.last.map { String(format: " %.4f", $0) } ?? ""
            parts.append(
                Self.text(Self.width - Self.right + 10, Self.top + 16 * Double(index + 1), names[index] + last, colour: colour))
        }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private static func means(_ curve: [Double]) -> [(step: Double, value: Double)] {
        let stretches = min(curve.count, points)
        return (0..<stretches).compactMap { stretch in
            let range = curve.count * stretch / stretches..<curve.count * (stretch + 1) / stretches
            let values = curve[range].filter(\.isFinite)
            guard !values.isEmpty else { return nil }
            return (Double(range.lowerBound + range.upperBound + 1) / 2, values.reduce(0, +) / Double(values.count))
        }
    }

    /// 1, 2 or 5 times a power of ten.
    private static func roundUp(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let power = pow(10, (log10(value)).rounded(.down))
        for factor in [1.0, 2, 5] where value <= factor * power { return factor * power }
        return 10 * power
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func text(_ x: Double, _ y: Double, _ text: String, anchor: String = "start", colour: String = "#333") -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" fill=\"\(colour)\">\(text)</text>"
    }
}
