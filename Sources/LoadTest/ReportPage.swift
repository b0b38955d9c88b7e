import Measuring

/// A report as one self-contained SVG page: headline figures, latency distributions and percentiles, throughput over time, adapters.
package struct ReportPage {
    static let blue = "#2563eb"
    static let orange = "#ea580c"
    static let green = "#15803d"
    static let purple = "#7c3aed"
    static let red = "#b91c1c"

    static let margin = 40.0
    static let gap = 16.0
    static let width = 1160.0
    static let panelHeight = 330.0
    static var innerWidth: Double { width - 2 * margin }
    static var halfWidth: Double { (innerWidth - gap) / 2 }

    /// A part of the page with a frame and a heading.
    struct Panel {
        let x, y, width, height: Double
    }

    let report: Report
    var canvas = SVGCanvas()

    /// The whole document, UTF-8.
    package static func svg(_ report: Report) -> String {
        var page = ReportPage(report: report)
        var y = page.drawHeading()
        y = page.drawTiles(at: y)
        let left = page.panel("Latency distribution", x: margin, y: y, width: halfWidth)
        page.drawDistributions(in: left)
        let right = page.panel("Latency percentiles", x: margin + halfWidth + gap, y: y, width: halfWidth)
        page.drawPercentiles(in: right)
        y += panelHeight + gap
        if report.adapters.isEmpty {
            page.drawThroughput(in: page.panel("Throughput over time", x: margin, y: y, width: innerWidth))
        } else {
            page.drawThroughput(in: page.panel("Throughput over time", x: margin, y: y, width: halfWidth))
            page.drawAdapters(in: page.panel("By adapter", x: margin + halfWidth + gap, y: y, width: halfWidth))
        }
        y += panelHeight
        y = page.drawErrors(at: y)
        return page.canvas.document(width: width, height: y + margin, title: "Load test of \(report.scenario.model)")
    }

    /// Each part returns the y coordinate at which the next one may begin.
    private mutating func drawHeading() -> Double {
        let scenario = report.scenario
        canvas.text(SVGCanvas.shortened("Load test of \(scenario.model)", to: 70), x: Self.margin, y: 56, size: 26, isBold: true)
        var first = [scenario.arrivals, "\(scenario.endpoint) endpoint\(scenario.streams ? ", streaming" : "")"]
        if let requests = scenario.maxRequests { first.append("\(requests) requests") }
        if let seconds = scenario.maxSeconds { first.append("\(FigureText.digits(seconds)) s") }
        var second = ["Prompts: \(scenario.prompts)"]
        if let prefix = scenario.sharedPrefix { second.append("shared prefixes: \(prefix)") }
        second.append("at most \(scenario.maxTokens) tokens an answer")
        let third = ["\(scenario.url), \(scenario.date)"] + (report.ending == .complete ? [] : [endingText])
        for (row, parts) in [first, second, third].enumerated() {
            canvas.text(
                SVGCanvas.shortened(parts.joined(separator: " · "), to: 150), x: Self.margin, y: 82 + Double(row) * 20, size: 14,
                fill: SVGCanvas.muted)
        }
        return 146
    }

    private var endingText: String {
        report.ending == .gaveUp ? "gave up after too many failures in a row" : "ended early"
    }

    private mutating func drawTiles(at y: Double) -> Double {
        let all = report.all
        func latency(_ summary: LatencySummary?, _ value: (LatencySummary) -> Double) -> String {
            summary.map { FigureText.milliseconds(value($0)) } ?? "–"
        }
        var tiles = [
            ("Output tokens/s", FigureText.digits(all.outputTokensPerSecond)), ("Requests/s", FigureText.digits(all.requestsPerSecond)),
            ("TTFT p50", latency(all.ttft, \.p50Ms)), ("TTFT p99", latency(all.ttft, \.p99Ms)),
            ("TPOT p50", latency(all.tpot, \.p50Ms)), ("End to end p50", latency(all.e2e, \.p50Ms)),
            ("Answered / failed", "\(all.completed) / \(all.failed)"),
        ]
        if let goodput = all.goodput { tiles.append(("Goodput", FigureText.percent(goodput.share))) }
        if let hits = all.prefixHitShare { tiles.append(("Prefix hits", FigureText.percent(hits))) }
        let width = (Self.innerWidth - Self.gap * 0.75 * Double(tiles.count - 1)) / Double(tiles.count)
        for (index, tile) in tiles.enumerated() {
            let x = Self.margin + Double(index) * (width + Self.gap * 0.75)
            canvas.rectangle(x: x, y: y, width: width, height: 70, fill: "#f3f4f6", radius: 6)
            canvas.text(tile.0, x: x + 10, y: y + 25, size: tiles.count > 7 ? 11 : 12, fill: SVGCanvas.muted)
            canvas.text(tile.1, x: x + 10, y: y + 53, size: tiles.count > 7 ? 18 : 21, isBold: true)
        }
        return y + 70 + Self.gap
    }

    private mutating func panel(_ heading: String, x: Double, y: Double, width: Double) -> Panel {
        canvas.rectangle(x: x, y: y, width: width, height: Self.panelHeight, fill: "#ffffff", stroke: SVGCanvas.grid, radius: 6)
        canvas.text(heading, x: x + 16, y: y + 27, size: 15, isBold: true)
        return Panel(x: x, y: y, width: width, height: Self.panelHeight)
    }

    private mutating func drawErrors(at y: Double) -> Double {
        var y = y
        for error in report.all.errors.prefix(6) {
            y += 24
            canvas.text(
                SVGCanvas.shortened("\(error.count) × \(error.kind): \(error.example)", to: 150), x: Self.margin, y: y, fill: Self.red)
        }
        return y
    }
}
