/// The `Digits` pre-tokeniser: numeric characters (Unicode categories Nd, Nl, No) apart from the rest.
enum Digits {
    static func forEachPart(of text: UnsafeBufferPointer<UInt8>, individually: Bool, _ body: (Range<Int>) -> Void) {
        var start = 0
        var index = 0
        var inNumber = false
        while index < text.count {
            let (scalar, length) = decodeScalar(text, at: index)
            let numeric = isNumeric(scalar)
            if index > start, numeric != inNumber || numeric && individually {
                body(start..<index)
                start = index
            }
            inNumber = numeric
            index += length
        }
        if start < text.count { body(start..<text.count) }
    }

    @inline(__always)
    private static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 { return scalar.value &- 0x30 < 10 }
        return isNumericBeyondASCII(scalar)
    }

    private static func isNumericBeyondASCII(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        // New in Unicode 17, in case this runtime's tables are older.
        case .unassigned: (0x11DE0...0x11DE9).contains(scalar.value) || (0x16FF4...0x16FF6).contains(scalar.value)
        default: false
        }
    }
}

/// The character at `index` of valid UTF-8 and its length in bytes.
@inline(__always)
func decodeScalar(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let lead = UInt32(text[index])
    if lead < 0x80 { return (Unicode.Scalar(UInt8(lead)), 1) }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard index + length <= text.count else { return ("\u{FFFD}", text.count - index) }
    var value = lead & (0xFF >> UInt32(length + 1))
    for offset in 1..<length { value = value << 6 | UInt32(text[index + offset] & 0x3F) }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
}
