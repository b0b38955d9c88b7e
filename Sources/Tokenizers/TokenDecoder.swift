/// How the names of tokens become text: what `decoder` of `tokenizer.json`, or the model of a GGUF file, says.
struct TokenDecoder: Sendable, Equatable {
    struct Replacement: Sendable, Equatable {
        var old: [UInt8]
        var new: [UInt8]
    }

    /// What becomes of bytes that are no UTF-8.
    enum IllFormed: Sendable {
        /// One U+FFFD for each maximal part of a character (`ByteLevel`).
        case maximalParts
        /// One U+FFFD for each byte, well-formed characters stay (SentencePiece).
        case eachByte
        /// One U+FFFD for each byte of a run of byte tokens that is not well-formed as a whole (`ByteFallback`).
        case wholeRuns
    }

    /// Whether names are written in the byte alphabet; else they are text.
    var isByteLevel = true
    /// Made in names that are text, in order.
    var replacements: [Replacement] = []
    /// Whether `<0x0A>` stands for a byte.
    var hasByteTokens = false
    var illFormed = IllFormed.maximalParts
    /// Taken away where it begins the text, up to `strippedCount` times.
    var stripped: [UInt8] = []
    var strippedCount = 0
    /// Left out of the first token, wherever it stands in it (`Metaspace`).
    var droppedFromFirst: [UInt8] = []

    static let byteLevel = TokenDecoder()
    /// SentencePiece's space.
    static let space = Array("\u{2581}".utf8)

    /// SentencePiece's: its spaces become spaces, byte tokens bytes, and the space that it puts before a text is taken away again.
    /// - Parameter strippedSpaces: how many are taken away at most.
    static func sentencePiece(strippedSpaces: Int) -> TokenDecoder {
        TokenDecoder(
            isByteLevel: false, replacements: [Replacement(old: space, new: [0x20])], hasByteTokens: true, illFormed: .eachByte,
            stripped: [0x20], strippedCount: strippedSpaces)
    }

    /// Appends what a token of this name decodes to, in the middle of a text.
    func appendBytes(of name: some Collection<UInt8>, to output: inout [UInt8]) {
        if isByteLevel {
            if !ByteAlphabet.appendBytes(of: name, to: &output) { output.append(contentsOf: name) }
        } else if hasByteTokens, let byte = Self.byte(named: name) {
            output.append(byte)
        } else if replacements.isEmpty {
            output.append(contentsOf: name)
        } else {
            var text = Array(name)
            for replacement in replacements { text = text.replacing(replacement.old, with: replacement.new) }
            output.append(contentsOf: text)
        }
    }

    /// The byte that `<0x0A>` stands for.
    static func byte(named name: some Collection<UInt8>) -> UInt8? {
        guard name.count == 6, name.starts(with: "<0x".utf8), name.dropFirst(5).first == UInt8(ascii: ">") else { return nil }
        let digits = name.dropFirst(3).prefix(2)
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x46).contains($0 & 0xDF) }) else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// Takes what is certain off the front of `bytes`: well-formed characters, and U+FFFD for each byte that cannot become part of one.
    /// - Parameter isEnd: whether no more bytes follow; then nothing is left.
    static func takeCharacters(from bytes: inout [UInt8], isEnd: Bool) -> [UInt8] {
        var taken: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            let lead = bytes[index]
            let length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0
            if length > 0, rest.count >= length, String(validating: rest.prefix(length), as: UTF8.self) != nil {
                taken += rest.prefix(length)
                index += length
            } else if !isEnd, StreamingDetokenizer.incompleteTail(of: rest) == rest.count {
                break
            } else {
                taken += "\u{FFFD}".utf8
                index += 1
            }
        }
        bytes.removeFirst(index)
        return taken
    }
}

extension Tokenizer {
    /// The byte that a token of byte fallback stands for.
    func fallbackByte(_ id: Int32) -> UInt8? {
        decoder.hasByteTokens ? TokenDecoder.byte(named: vocabulary.nameBytes(Int(id))) : nil
    }

    /// What the token adds to a text; `isFirst` where no token stands before it.
    func appendBytes(of id: Int32, isFirst: Bool, to output: inout [UInt8]) {
        if isFirst, !decoder.droppedFromFirst.isEmpty {
            output.append(contentsOf: Array(vocabulary.nameBytes(Int(id))).replacing(decoder.droppedFromFirst, with: []))
        } else {
            vocabulary.arena.withBytes(of: Int(id)) { output.append(contentsOf: $0) }
        }
    }

    /// The bytes of a whole text whose names are text.
    func decodeNames(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        var run: [UInt8] = []
        var isFirst = true
        var strips = decoder.strippedCount
        func endRun() {
            guard !run.isEmpty else { return }
            if decoder.illFormed == .wholeRuns, String(validating: run, as: UTF8.self) == nil {
                for _ in run { bytes.append(contentsOf: "\u{FFFD}".utf8) }
                run.removeAll()
            } else {
                bytes += TokenDecoder.takeCharacters(from: &run, isEnd: true)
            }
        }
        for id in ids where !(skipSpecialTokens && isSpecial(id)) && vocabulary.contains(id) {
            if let byte = fallbackByte(id) {
                // SentencePiece takes away its own spaces, not those that are bytes.
                if decoder.illFormed == .eachByte, bytes.count < strips { strips = bytes.count }
                run.append(byte)
            } else {
                endRun()
                appendBytes(of: id, isFirst: isFirst, to: &bytes)
            }
            isFirst = false
        }
        endRun()
        var start = 0
        for _ in 0..<strips where bytes[start...].starts(with: decoder.stripped) { start += decoder.stripped.count }
        return start == 0 ? bytes : Array(bytes[start...])
    }
}
