import Foundation

/// An SVG 1.1 document under construction: shapes in the order in which they are drawn. Coordinates are pixels from the upper left corner.
package struct SVGCanvas: Sendable {
    package enum Anchor: String { case start, middle, end }

    package static let ink = "#111827"
    package static let muted = "#6b7280"
    package static let grid = "#e5e7eb"

    private var body = ""

    package init() {}

    package mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String? = nil, radius: Double = 0
    ) {
        body += "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0, width)))\" "
        body += "height=\"\(Self.number(max(0, height)))\" fill=\"\(fill)\""
        if radius > 0 { body += " rx=\"\(Self.number(radius))\"" }
        if let stroke { body += " stroke=\"\(stroke)\"" }
        body += "/>\n"
    }

    package mutating func line(from start: (x: Double, y: Double), to end: (x: Double, y: Double), stroke: String, width: Double = 1) {
        body += "<line x1=\"\(Self.number(start.x))\" y1=\"\(Self.number(start.y))\" x2=\"\(Self.number(end.x))\" "
        body += "y2=\"\(Self.number(end.y))\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\"/>\n"
    }

    package mutating func polyline(_ points: [(x: Double, y: Double)], stroke: String, width: Double = 2) {
        body += "<polyline points=\"\(Self.list(points))\" fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\" "
        body += "stroke-linejoin=\"round\"/>\n"
    }

    package mutating func polygon(_ points: [(x: Double, y: Double)], fill: String, opacity: Double) {
        body += "<polygon points=\"\(Self.list(points))\" fill=\"\(fill)\" fill-opacity=\"\(Self.number(opacity))\"/>\n"
    }

    package mutating func text(
        _ text: String, x: Double, y: Double, size: Double = 13, fill: String = ink, anchor: Anchor = .start, isBold: Bool = false
    ) {
        body += "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\" fill=\"\(fill)\""
        if anchor != .start { body += " text-anchor=\"\(anchor.rawValue)\"" }
        if isBold { body += " font-weight=\"600\"" }
        body += ">\(Self.escaped(text))</text>\n"
    }

    /// The whole document on white ground.
    package func document(width: Double, height: Double, title: String) -> String {
        let size = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" \(size) viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
            font-family="system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif">
            <title>\(Self.escaped(title))</title>
            <rect \(size) fill="#ffffff"/>
            \(body)</svg>

            """
    }

    /// `text` as XML 1.0 can carry it; control characters have no way in and become U+FFFD.
    package static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// `text` cut to `limit` characters.
    package static func shortened(_ text: String, to limit: Int) -> String { text.count <= limit ? text : text.prefix(limit - 1) + "…" }

    private static func list(_ points: [(x: Double, y: Double)]) -> String {
        points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    }

    /// To a tenth of a pixel.
    private static func number(_ value: Double) -> String {
        let tenths = (value * 10).rounded()
        guard tenths.isFinite else { return "0" }
        return tenths.truncatingRemainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))" : "\(tenths / 10)"
    }
}
