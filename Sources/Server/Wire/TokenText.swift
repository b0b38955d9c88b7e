/// How a single token is written: its text, or `bytes:\xe2\x98` when it holds only part of a character, as OpenAI's API does.
enum TokenText {
    static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return "bytes:"
            + bytes.map { byte in
                let hex = String(byte, radix: 16)
                return "\\x" + (hex.count == 1 ? "0" : "") + hex
            }.joined()
    }

    /// Characters (Unicode scalars, as Python counts them) that start in these bytes.
    static func length(_ bytes: [UInt8]) -> Int {
        bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
    }
}
