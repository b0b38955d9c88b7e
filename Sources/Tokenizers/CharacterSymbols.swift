/// The symbols that a word begins with where the vocabulary is of characters: the token of each, else its bytes' tokens, else the unknown one.
struct CharacterSymbols: Sendable {
    private let ascii: [Int32]
    /// The tokens `<0x00>` to `<0xFF>`, -1 where there is none; empty without byte fallback.
    private let byteTokens: [Int32]
    private let unknownToken: Int32?
    private let fuseUnknown: Bool

    init(_ vocabulary: Vocabulary, byteFallback: Bool, unknownToken: Int32?, fuseUnknown: Bool) {
        ascii = (0..<128).map { byte in [UInt8(byte)].withUnsafeBufferPointer { vocabulary.id(ofBytes: $0) ?? -1 } }
        byteTokens = byteFallback ? vocabulary.fallbackTokens : []
        self.unknownToken = unknownToken
        self.fuseUnknown = fuseUnknown
    }

    /// Writes the symbols of `word`, valid UTF-8, to `ids`, which has room for one each byte.
    /// - Returns: how many there are.
    func start(_ word: UnsafeBufferPointer<UInt8>, _ vocabulary: borrowing Vocabulary, _ ids: UnsafeMutablePointer<Int32>) -> Int {
        var count = 0
        var index = 0
        // As in `tokenizers`, unknown characters wait for the next known one, also behind byte tokens.
        var waiting = false
        func add(_ id: Int32) {
            ids[count] = id
            count += 1
        }
        while index < word.count {
            let lead = word[index]
            let length = min(lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4, word.count - index)
            let character = UnsafeBufferPointer(rebasing: word[index..<index + length])
            index += length
            let id = length == 1 ? ascii[Int(lead & 0x7F)] : vocabulary.id(ofBytes: character) ?? -1
            if id >= 0 {
                if waiting, let unknownToken { add(unknownToken) }
                waiting = false
                add(id)
            } else if !byteTokens.isEmpty, character.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                for byte in character { add(byteTokens[Int(byte)]) }
            } else if let unknownToken {
                if waiting, !fuseUnknown { add(unknownToken) }
                waiting = true
            }
        }
        if waiting, let unknownToken { add(unknownToken) }
        return count
    }
}
