/// Makes a regular-expression engine with older Unicode tables see what the reference implementation's engine sees.
///
/// Patterns ask for categories (`\p{L}`, `\p{N}`, ...). PCRE2 10.42 knows Unicode 14, the reference Unicode 16. So the pattern
/// is run over a view of the text in which each character added between the two is replaced by an older one of the same category
/// and the same length in bytes; words are then cut from the text itself.
enum UnicodeStandIns {
    /// Characters of Unicode 15 to 16. All take three bytes or more of UTF-8.
    static let newer: [ClosedRange<UInt32>] = [
        0x897...0x897, 0xCF3...0xCF3, 0xECE...0xECE, 0x1B4E...0x1B4F, 0x1B7F...0x1B7F, 0x1C89...0x1C8A, 0x2427...0x2429,
        0x2FFC...0x2FFF, 0x31E4...0x31E5, 0x31EF...0x31EF, 0xA7CB...0xA7CD, 0xA7DA...0xA7DC, 0x105C0...0x105F3, 0x10D40...0x10D65,
        0x10D69...0x10D85, 0x10D8E...0x10D8F, 0x10EC2...0x10EC4, 0x10EFC...0x10EFF, 0x1123F...0x11241, 0x11380...0x11389,
        0x1138B...0x1138B, 0x1138E...0x1138E, 0x11390...0x113B5, 0x113B7...0x113C0, 0x113C2...0x113C2, 0x113C5...0x113C5,
        0x113C7...0x113CA, 0x113CC...0x113D5, 0x113D7...0x113D8, 0x113E1...0x113E2, 0x116D0...0x116E3, 0x11B00...0x11B09,
        0x11BC0...0x11BE1, 0x11BF0...0x11BF9, 0x11F00...0x11F10, 0x11F12...0x11F3A, 0x11F3E...0x11F5A, 0x1342F...0x1342F,
        0x13439...0x13455, 0x13460...0x143FA, 0x16100...0x16139, 0x16D40...0x16D79, 0x18CFF...0x18CFF, 0x1B132...0x1B132,
        0x1B155...0x1B155, 0x1CC00...0x1CCF9, 0x1CD00...0x1CEB3, 0x1D2C0...0x1D2D3, 0x1DF25...0x1DF2A, 0x1E030...0x1E06D,
        0x1E08F...0x1E08F, 0x1E4D0...0x1E4F9, 0x1E5D0...0x1E5FA, 0x1E5FF...0x1E5FF, 0x1F6DC...0x1F6DC, 0x1F774...0x1F776,
        0x1F77B...0x1F77F, 0x1F7D9...0x1F7D9, 0x1F8B2...0x1F8BB, 0x1F8C0...0x1F8C1, 0x1FA75...0x1FA77, 0x1FA87...0x1FA89,
        0x1FA8F...0x1FA8F, 0x1FAAD...0x1FAAF, 0x1FABB...0x1FABF, 0x1FAC6...0x1FAC6, 0x1FACE...0x1FACF, 0x1FADA...0x1FADC,
        0x1FADF...0x1FADF, 0x1FAE8...0x1FAE9, 0x1FAF7...0x1FAF8, 0x1FBCB...0x1FBEF, 0x2B739...0x2B739, 0x2EBF0...0x2EE5D,
        0x31350...0x323AF,
    ]

    /// The view, or nil when `text` has no such character.
    static func view(of text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var view: [UInt8]?
        var index = 0
        while index < text.count {
            // Two bytes reach U+07FF only; E3 to ED begin U+3000 to U+DFFF, most of it Chinese, Japanese and Korean.
            let lead = text[index]
            if lead < 0xE0 {
                index += 1
                continue
            }
            if lead >= 0xE4, lead <= 0xE9 {
                index += 3
                continue
            }
            let (scalar, length) = decodeScalar(text, at: index)
            if isNewer(scalar.value), let other = standIn(for: scalar, length: length) {
                view = view ?? Array(text)
                for (offset, unit) in other.utf8.enumerated() { view?[index + offset] = unit }
            }
            index += length
        }
        return view
    }

    static func isNewer(_ value: UInt32) -> Bool {
        var low = 0
        var high = newer.count
        while low < high {
            let middle = (low + high) / 2
            if newer[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < newer.count && newer[low].contains(value)
    }

    /// An old character of the scalar's category, for lengths 3 and 4; nil where the category has nothing to tell.
    static func standIn(for scalar: Unicode.Scalar, length: Int) -> Unicode.Scalar? {
        let pair: (three: Unicode.Scalar, four: Unicode.Scalar)
        switch scalar.properties.generalCategory {
        case .uppercaseLetter: pair = ("\u{1E00}", "\u{10400}")
        case .lowercaseLetter: pair = ("\u{1E01}", "\u{10428}")
        case .modifierLetter: pair = ("\u{1D2C}", "\u{16B40}")
        case .otherLetter where scalar.properties.isIdeographic: pair = ("\u{4E00}", "\u{20000}")
        case .otherLetter: pair = ("\u{0F00}", "\u{10000}")
        case .nonspacingMark: pair = ("\u{1AB0}", "\u{101FD}")
        case .spacingMark: pair = ("\u{0903}", "\u{11000}")
        case .decimalNumber: pair = ("\u{0966}", "\u{104A0}")
        case .letterNumber: pair = ("\u{2160}", "\u{10140}")
        case .otherNumber: pair = ("\u{2460}", "\u{10107}")
        case .dashPunctuation: pair = ("\u{2010}", "\u{10EAD}")
        case .otherPunctuation: pair = ("\u{2020}", "\u{10100}")
        case .mathSymbol: pair = ("\u{2200}", "\u{1D6C1}")
        case .otherSymbol: pair = ("\u{2300}", "\u{1F300}")
        case .format: pair = ("\u{200B}", "\u{110BD}")
        default: return nil
        }
        let other = length == 3 ? pair.three : pair.four
        return UTF8.width(other) == length ? other : nil
    }
}
