extension String {
    /// The text with everything that a terminal would obey, or that hides or reorders text, as JSON escapes it (`\\u001b`): control characters,
    /// those beyond ASCII too, marks and overrides of direction, line separators, tags.
    /// - Parameter keeping: control characters that stay.
    package func harmless(keeping kept: String = "") -> String {
        let kept = kept.unicodeScalars
        guard unicodeScalars.contains(where: { $0.isHarmful && !kept.contains($0) }) else { return self }
        var shown = ""
        for scalar in unicodeScalars {
            guard scalar.isHarmful, !kept.contains(scalar) else {
                shown.unicodeScalars.append(scalar)
                continue
            }
            switch scalar {
            case "\n": shown += "\\n"
            case "\r": shown += "\\r"
            case "\t": shown += "\\t"
            default:
                for unit in scalar.utf16 {
                    let digits = String(unit, radix: 16)
                    shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return shown
    }
}

extension Unicode.Scalar {
    fileprivate var isHarmful: Bool {
        if value < 0x80 { return value < 0x20 || value == 0x7F }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        default: return properties.isBidiControl || (0xE0000...0xE007F).contains(value)
        }
    }
}
