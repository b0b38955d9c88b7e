import Measuring

/// Makes the prompt of each request: from the source, with a shared prefix in front where one is wanted.
package struct PromptMaker: Sendable {
    private let source: PromptSource
    private let prefixes: [String]
    private let words: WordList
    private let wordCount: Int
    private let seed: UInt64
    /// How the lengths of generated texts were found, for the report; nil without generated text.
    package let lengthNote: String?

    /// - Parameters:
    ///   - prefixTokens: length of a shared prefix; 0 for none.
    ///   - prefixes: how many different prefixes there are.
    ///   - count: counts the tokens of a text with the server's tokenizer; nil when it offers none.
    package init(
        source: PromptSource, prefixTokens: Int = 0, prefixes: Int = 1, seed: UInt64, count: ((String) async throws -> Int)?
    ) async throws {
        self.source = source
        self.seed = seed
        let promptTokens: Int
        if case .generated(let tokens) = source { promptTokens = tokens } else { promptTokens = 0 }
        guard promptTokens > 0 || prefixTokens > 0 else {
            (words, wordCount, self.prefixes, lengthNote) = (.common, 0, [], nil)
            return
        }
        var words = WordList.common
        var exact = false
        // Words per token, and words to take off for what the first one costs more.
        var (ratio, surplus) = (1.0, 0)
        if let count {
            let single = try await words.keepingSingleTokens(count)
            if single.words.count >= 32 {
                (words, exact) = (single, true)
                var generator = SplitMix64(seed: seed, purpose: .prompt, index: -1)
                surplus = try await count(words.text(words: 64, using: &generator)) - 64
            } else {
                ratio = Double(words.words.count) / Double(max(1, try await count(words.words.joined(separator: " "))))
            }
        }
        self.words = words
        func length(_ tokens: Int) -> Int { tokens == 0 ? 0 : max(1, Int((Double(tokens) * ratio).rounded()) - surplus) }
        wordCount = length(promptTokens)
        self.prefixes =
            prefixTokens == 0
            ? []
            : (0..<max(1, prefixes)).map { index in
                var generator = SplitMix64(seed: seed, purpose: .prefix, index: index)
                return words.text(words: length(prefixTokens), using: &generator)
            }
        lengthNote = exact ? "exact, by the server's /tokenize" : "approximate, in words"
    }

    package func prompt(at index: Int) -> Prompt {
        let prompt: Prompt
        switch source {
        case .text(let text): prompt = .text(text)
        case .data(let prompts): prompt = prompts[index % prompts.count]
        case .generated:
            var generator = SplitMix64(seed: seed, purpose: .prompt, index: index)
            prompt = .text(words.text(words: wordCount, using: &generator))
        }
        guard !prefixes.isEmpty else { return prompt }
        var generator = SplitMix64(seed: seed, purpose: .prefixChoice, index: index)
        return prompt.prefixed(by: prefixes[Int(generator.next() % UInt64(prefixes.count))])
    }
}
