import Foundation

/// Maps values to pixels along one axis, with marks at round numbers.
package struct ChartScale: Sendable {
    /// Where the axis begins and ends, in pixels; a vertical one runs from a greater coordinate to a smaller.
    package let pixels: (start: Double, end: Double)
    package let values: (least: Double, greatest: Double)
    package let isLogarithmic: Bool
    package let marks: [Double]

    /// From zero to at least `greatest`, with about `count` marks at multiples of 1, 2 or 5 times a power of ten.
    package static func linear(to greatest: Double, pixels: (Double, Double), marks count: Int, stretchesToMark: Bool = true) -> ChartScale
    {
        let greatest = greatest.isFinite && greatest > 0 ? greatest : 1
        let rough = greatest / Double(max(1, count))
        let power = pow(10, floor(log10(rough)))
        let step = power * ([1, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10)
        let steps = Int((greatest / step).rounded(stretchesToMark ? .up : .down))
        return ChartScale(
            pixels: pixels, values: (0, stretchesToMark ? step * Double(steps) : greatest), isLogarithmic: false,
            marks: (0...max(0, steps)).map { Double($0) * step })
    }

    /// From `least` to `greatest` at least, marked at powers of ten, and at 2 and 5 times them when those are few.
    package static func logarithmic(from least: Double, to greatest: Double, pixels: (Double, Double)) -> ChartScale {
        let least = least.isFinite && least > 1e-3 ? least : 1e-3
        let greatest = greatest.isFinite && greatest > least ? greatest : least
        let steps = [1.0, 2, 5]
        var candidates: [Double] = []
        for exponent in Int(floor(log10(least))) - 1...Int(ceil(log10(greatest))) + 1 {
            candidates += steps.map { $0 * pow(10, Double(exponent)) }
        }
        let start = candidates.last { $0 <= least * 1.0001 } ?? least
        let end = candidates.first { $0 >= greatest * 0.9999 && $0 > start } ?? greatest
        let inside = candidates.filter { $0 >= start * 0.9999 && $0 <= end * 1.0001 }
        let isPowerOfTen = { (value: Double) in abs(log10(value) - log10(value).rounded()) < 1e-6 }
        return ChartScale(
            pixels: pixels, values: (start, end), isLogarithmic: true, marks: inside.count <= 9 ? inside : inside.filter(isPowerOfTen))
    }

    /// From `-greatest` to `greatest`, with `count` marks or so on each side of zero.
    package static func centred(to greatest: Double, pixels: (Double, Double), marks count: Int) -> ChartScale {
        let half = linear(to: greatest, pixels: pixels, marks: count)
        let end = half.values.greatest
        return ChartScale(
            pixels: pixels, values: (-end, end), isLogarithmic: false, marks: half.marks.dropFirst().reversed().map { -$0 } + half.marks)
    }

    package func pixel(_ value: Double) -> Double {
        let (least, greatest) = values
        let part =
            isLogarithmic
            ? (log10(max(value, least)) - log10(least)) / (log10(greatest) - log10(least)) : (value - least) / (greatest - least)
        return pixels.start + min(max(part, 0), 1) * (pixels.end - pixels.start)
    }
}

/// Figures in words short enough for a chart.
package enum FigureText {
    /// `0.42 ms`, `12.3 ms`, `123 ms`, `1.23 s`, `75.1 s`.
    package static func milliseconds(_ value: Double) -> String {
        value < 999.5 ? "\(digits(value)) ms" : "\(digits(value / 1000)) s"
    }

    /// Three digits, no fraction beyond 100.
    package static func digits(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0"
        case ..<9.995: String(format: "%.2f", value)
        case ..<99.95: String(format: "%.1f", value)
        default: String(format: "%.0f", value)
        }
    }

    package static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

    /// For axes: round numbers without trailing zeros.
    package static func mark(_ value: Double) -> String { String(format: "%.4g", value) }

    package static func timeMark(_ milliseconds: Double) -> String {
        switch milliseconds {
        case 0: "0"
        case ..<0.9: "\(mark(milliseconds * 1000)) µs"
        case ..<999: "\(mark(milliseconds)) ms"
        default: "\(mark(milliseconds / 1000)) s"
        }
    }
}
