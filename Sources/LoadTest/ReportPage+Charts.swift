import Measuring

extension ReportPage {
    private struct Series {
        let name: String
        let color: String
        let summary: LatencySummary
    }

    /// One bar of every adapter.
    private struct AdapterFigure {
        let name: String
        let color: String
        let text: (Double) -> String
        let value: (GroupReport) -> Double?
    }

    private var series: [Series] {
        [
            ("TTFT", Self.blue, report.all.ttft), ("Inter-token", Self.orange, report.all.interToken),
            ("TPOT", Self.green, report.all.tpot), ("End to end", Self.purple, report.all.e2e),
        ].compactMap { name, color, summary in summary.map { Series(name: name, color: color, summary: $0) } }
    }

    /// Share of latencies (vertical) up to a time (horizontal, logarithmic).
    mutating func drawDistributions(in panel: Panel) {
        let series = series
        guard !series.isEmpty else { return drawNothing(in: panel) }
        let (left, right, top, bottom) = (panel.x + 56, panel.x + panel.width - 24, panel.y + 62, panel.y + panel.height - 34)
        let least = series.map { $0.summary.quantilesMs[1] }.min() ?? 1
        let greatest = series.map(\.summary.maxMs).max() ?? 1
        let across = ChartScale.logarithmic(from: max(least, greatest * 1e-5), to: greatest, pixels: (left, right))
        let up = ChartScale.linear(to: 100, pixels: (bottom, top), marks: 5)
        for mark in up.marks {
            canvas.line(from: (left, up.pixel(mark)), to: (right, up.pixel(mark)), stroke: SVGCanvas.grid)
            canvas.text("\(Int(mark)) %", x: left - 8, y: up.pixel(mark) + 4, size: 12, fill: SVGCanvas.muted, anchor: .end)
        }
        for mark in across.marks {
            canvas.line(from: (across.pixel(mark), top), to: (across.pixel(mark), bottom), stroke: SVGCanvas.grid)
            canvas.text(
                FigureText.timeMark(mark), x: across.pixel(mark), y: bottom + 19, size: 12, fill: SVGCanvas.muted, anchor: .middle)
        }
        for line in series {
            let last = Double(line.summary.quantilesMs.count - 1)
            canvas.polyline(
                line.summary.quantilesMs.enumerated().map { (across.pixel($1), up.pixel(Double($0) / last * 100)) }, stroke: line.color)
        }
        drawLegend(series.map { ($0.name, $0.color) }, x: left, y: panel.y + 48)
    }

    /// Bars at p50, p90 and p99; every kind of latency on a scale of its own, for they are orders of magnitude apart.
    mutating func drawPercentiles(in panel: Panel) {
        let series = series
        guard !series.isEmpty else { return drawNothing(in: panel) }
        let bar = 15.0
        var y = panel.y + 48
        for line in series {
            let bars = [("p50", line.summary.p50Ms), ("p90", line.summary.p90Ms), ("p99", line.summary.p99Ms)]
            canvas.text(line.name, x: panel.x + 16, y: y + bar + 12, isBold: true)
            let scale = ChartScale.linear(
                to: max(line.summary.p99Ms, 1e-6), pixels: (panel.x + 138, panel.x + panel.width - 92), marks: 4, stretchesToMark: false)
            for (row, (name, value)) in bars.enumerated() {
                let top = y + Double(row) * (bar + 5)
                canvas.text(name, x: panel.x + 130, y: top + bar - 3, size: 12, fill: SVGCanvas.muted, anchor: .end)
                let end = max(scale.pixel(value), scale.pixels.start + 1)
                canvas.rectangle(x: scale.pixels.start, y: top, width: end - scale.pixels.start, height: bar, fill: line.color, radius: 2)
                canvas.text(FigureText.milliseconds(value), x: end + 6, y: top + bar - 3, size: 12)
            }
            y += 3 * (bar + 5) + 9
        }
    }

    /// Tokens a second above, answers a second below, over the same time.
    mutating func drawThroughput(in panel: Panel) {
        let timeline = report.timeline
        guard !timeline.requestsPerSecond.isEmpty else { return drawNothing(in: panel) }
        let (left, right) = (panel.x + 56, panel.x + panel.width - 24)
        let across = ChartScale.linear(to: max(report.seconds, 1e-3), pixels: (left, right), marks: 6, stretchesToMark: false)
        let plots = [
            ("Output tokens/s", timeline.outputTokensPerSecond, Self.blue, panel.y + 62, panel.y + 180),
            ("Answers/s", timeline.requestsPerSecond, Self.green, panel.y + 222, panel.y + panel.height - 34),
        ]
        for (name, values, color, top, bottom) in plots {
            let up = ChartScale.linear(to: values.max() ?? 1, pixels: (bottom, top), marks: 3)
            for mark in up.marks {
                canvas.line(from: (left, up.pixel(mark)), to: (right, up.pixel(mark)), stroke: SVGCanvas.grid)
                canvas.text(
                    FigureText.mark(mark), x: left - 8, y: up.pixel(mark) + 4, size: 12, fill: SVGCanvas.muted, anchor: .end)
            }
            let steps = values.enumerated().flatMap { index, value in
                let end = index == values.count - 1 ? report.seconds : Double(index + 1) * timeline.secondsPerPoint
                return [Double(index) * timeline.secondsPerPoint, end].map { (x: across.pixel($0), y: up.pixel(value)) }
            }
            canvas.polygon([(across.pixel(0), bottom)] + steps + [(steps.last?.x ?? left, bottom)], fill: color, opacity: 0.15)
            canvas.polyline(steps, stroke: color, width: 1.5)
            drawLegend([(name, color)], x: left, y: top - 12)
        }
        for mark in across.marks {
            canvas.text(
                "\(FigureText.mark(mark)) s", x: across.pixel(mark), y: panel.y + panel.height - 14, size: 12, fill: SVGCanvas.muted,
                anchor: .middle)
        }
    }

    /// Bars for each adapter: TTFT (without streaming end to end) and TPOT at p50, tokens a second; a figure has one scale for all adapters.
    mutating func drawAdapters(in panel: Panel) {
        let shown = report.adapters.prefix(5)
        let rowHeight = min(84, (panel.height - 66) / Double(max(1, shown.count)))
        let streams = report.all.ttft != nil
        var figures = [
            AdapterFigure(name: "TPOT p50", color: Self.green, text: FigureText.milliseconds) { $0.tpot?.p50Ms },
            AdapterFigure(name: "Output tokens/s", color: Self.orange, text: FigureText.digits) { $0.outputTokensPerSecond },
        ]
        if streams {
            figures.insert(AdapterFigure(name: "TTFT p50", color: Self.blue, text: FigureText.milliseconds) { $0.ttft?.p50Ms }, at: 0)
        } else {
            figures[0] = AdapterFigure(name: "End to end p50", color: Self.purple, text: FigureText.milliseconds) { $0.e2e?.p50Ms }
        }
        drawLegend(figures.map { ($0.name, $0.color) }, x: panel.x + 160, y: panel.y + 27)
        for (row, adapter) in shown.enumerated() {
            let top = panel.y + 46 + Double(row) * rowHeight
            let bar = min(14, (rowHeight - 26) / 3 - 2)
            canvas.text(SVGCanvas.shortened(adapter.name, to: 46), x: panel.x + 16, y: top + 10, isBold: true)
            canvas.text(
                "\(adapter.completed) answered" + (adapter.failed > 0 ? ", \(adapter.failed) failed" : ""),
                x: panel.x + panel.width - 16, y: top + 10, size: 12, fill: SVGCanvas.muted, anchor: .end)
            for (index, figure) in figures.enumerated() {
                guard let value = figure.value(adapter) else { continue }
                let greatest = report.adapters.compactMap(figure.value).max() ?? 1
                let scale = ChartScale.linear(
                    to: greatest, pixels: (panel.x + 16, panel.x + panel.width - 82), marks: 4, stretchesToMark: false)
                let y = top + 17 + Double(index) * (bar + 2)
                let end = max(scale.pixel(value), scale.pixels.start + 1)
                canvas.rectangle(x: scale.pixels.start, y: y, width: end - scale.pixels.start, height: bar, fill: figure.color, radius: 2)
                canvas.text(figure.text(value), x: end + 6, y: y + bar - 2, size: min(12, bar + 1))
            }
        }
        if shown.count < report.adapters.count {
            canvas.text(
                "and \(report.adapters.count - shown.count) more in the JSON report", x: panel.x + 16, y: panel.y + panel.height - 10,
                size: 12,
                fill: SVGCanvas.muted)
        }
    }

    private mutating func drawLegend(_ entries: [(name: String, color: String)], x: Double, y: Double) {
        var x = x
        for entry in entries {
            canvas.rectangle(x: x, y: y - 9, width: 10, height: 10, fill: entry.color, radius: 2)
            canvas.text(entry.name, x: x + 15, y: y, size: 12)
            x += 30 + Double(entry.name.count) * 7
        }
    }

    private mutating func drawNothing(in panel: Panel) {
        canvas.text(
            "nothing was measured", x: panel.x + panel.width / 2, y: panel.y + panel.height / 2, fill: SVGCanvas.muted, anchor: .middle)
    }
}
