import Tokenizers

/// Words that mark reasoning, and the tokens around them.
package struct ReasoningWords: Sendable {
    /// Those of Galichin et al., arXiv 2503.18878.
    package static let published = [
        "alternatively", "hmm", "maybe", "wait", "perhaps", "let me", "therefore", "however", "but", "another",
    ]

    /// In lower case.
    package let words: [String]
    /// Tokens of a window before a word's first token and after its last.
    package let before: Int
    package let after: Int

    /// - Throws: `.badSetting` for words that are empty or stand in the list twice; at least two are needed, as the score weighs how evenly a latent acts
    ///   over them.
    package init(words: [String], before: Int, after: Int) throws(InspectionError) {
        let lowered = words.map { $0.lowercased() }
        guard lowered.count > 1, Set(lowered).count == lowered.count, !lowered.contains(where: \.isEmpty), lowered.count <= 64 else {
            throw .badSetting(name: "--words", problem: "must name from 2 to 64 words, each once")
        }
        (self.words, self.before, self.after) = (lowered, before, after)
    }

    /// For every token, a bit for each word in whose window it stands. Words are found in the text without regard to the case of ASCII
    /// letters, where no letter or digit stands right before or after.
    package func windows(_ tokens: [Int32], tokenizer: Tokenizer) -> [UInt64] {
        var text: [UInt8] = []
        var owners: [Int] = []
        for (index, token) in tokens.enumerated() {
            for byte in tokenizer.bytes(of: token) {
                text.append((0x41...0x5A).contains(byte) ? byte + 32 : byte)
                owners.append(index)
            }
        }
        var marks = [UInt64](repeating: 0, count: tokens.count)
        for (number, word) in words.enumerated() {
            let wanted = Array(word.utf8)
            var start = 0
            while start + wanted.count <= text.count {
                let end = start + wanted.count
                if text[start] == wanted[0], text[start..<end].elementsEqual(wanted), !Self.isWord(text, start - 1), !Self.isWord(text, end)
                {
                    for index in max(0, owners[start] - before)...min(tokens.count - 1, owners[end - 1] + after) {
                        marks[index] |= 1 << UInt64(number)
                    }
                }
                start += 1
            }
        }
        return marks
    }

    private static func isWord(_ text: [UInt8], _ index: Int) -> Bool {
        guard text.indices.contains(index) else { return false }
        switch text[index] {
        case 0x30...0x39, 0x61...0x7A, 0x80...: return true
        default: return false
        }
    }
}
