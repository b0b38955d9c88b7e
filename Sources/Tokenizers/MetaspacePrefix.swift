/// Before which pieces the `Metaspace` pre-tokeniser puts its mark (names as in `tokenizer.json`).
enum MetaspacePrefix: String, CaseIterable, Sendable {
    case always
    /// Only before the one at the beginning of the text.
    case first
    case never

    /// `text` with `mark` for its spaces, and before it where this says so and it does not begin with one.
    func marked(_ text: UnsafeBufferPointer<UInt8>, with mark: [UInt8], isStart: Bool) -> [UInt8] {
        var marked: [UInt8] = []
        marked.reserveCapacity(text.count + text.count / 2 + mark.count)
        let wantsMark = self == .always || self == .first && isStart
        if wantsMark, text.first != UInt8(ascii: " "), !text.starts(with: mark) { marked += mark }
        for byte in text {
            if byte == UInt8(ascii: " ") { marked += mark } else { marked.append(byte) }
        }
        return marked
    }
}
