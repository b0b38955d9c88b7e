/// The 256 printable characters by which byte-level vocabularies write bytes (from GPT-2: visible Latin-1 stands for
/// itself, the other 68 bytes for U+0100 onwards, in order).
enum ByteAlphabet {
    /// The character of each byte; every one is below U+0144, so one or two bytes of UTF-8.
    static let scalars: [UInt16] = {
        var next: UInt16 = 0x100
        return (0..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
                return UInt16(byte)
            default:
                defer { next += 1 }
                return next
            }
        }
    }()

    /// The byte of each character, or -1.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() {
            table[Int(scalar)] = Int16(byte)
        }
        return table
    }()

    /// Appends the bytes that `name` stands for. False, with `output` as it was, when a character is not of the alphabet.
    static func appendBytes(of name: some Collection<UInt8>, to output: inout [UInt8]) -> Bool {
        let start = output.count
        var lead: Int?
        for unit in name {
            let scalar: Int
            if let high = lead {
                scalar = (high & 0x1F) << 6 | Int(unit & 0x3F)
                lead = nil
            } else if unit < 0x80 {
                scalar = Int(unit)
            } else if unit & 0xE0 == 0xC0 {
                lead = Int(unit)
                continue
            } else {
                scalar = .max
            }
            guard scalar < bytes.count, bytes[scalar] >= 0 else {
                output.removeSubrange(start...)
                return false
            }
            output.append(UInt8(bytes[scalar]))
        }
        return lead == nil
    }

    /// How a vocabulary writes `bytes`.
    static func name(of bytes: some Sequence<UInt8>) -> String {
        var name = ""
        for byte in bytes {
            // Every entry is a scalar below the surrogates.
            name.unicodeScalars.append(Unicode.Scalar(scalars[Int(byte)]) ?? "\u{FFFD}")
        }
        return name
    }
}
