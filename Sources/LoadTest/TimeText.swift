/// Spans of time as people write them: `500ms`, `1.5s`, `2m`, `1h`, `250us`; a bare number is seconds.
package enum TimeText {
    private static let units: [(suffix: String, nanoseconds: Double)] = [
        ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("min", 6e10), ("h", 3.6e12),
    ]

    /// - Returns: nil when `text` is no span of time above zero, or one beyond ten years.
    package static func parse(_ text: String) -> Duration? {
        let text = text.trimmingBlanks()
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = String(text.dropFirst(digits.count).trimmingBlanks())
        guard let number = Double(digits), let unit = suffix.isEmpty ? 1e9 : units.first(where: { $0.suffix == suffix })?.nanoseconds
        else { return nil }
        let nanoseconds = (number * unit).rounded()
        return nanoseconds >= 1 && nanoseconds < 3.2e17 ? .nanoseconds(Int64(nanoseconds)) : nil
    }
}

extension Duration {
    /// Cut, and within 292 years.
    var inNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return Int64(clamping: Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000))
    }
    var inSeconds: Double { Double(inNanoseconds) * 1e-9 }
    var inMilliseconds: Double { Double(inNanoseconds) * 1e-6 }
}
