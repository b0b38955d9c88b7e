import Measuring

/// Words that generated prompts are made of: short common English ones, which the usual vocabularies hold as one token after a blank.
/// Which of them really are one token for a server's tokenizer is found out by `keepingSingleTokens`.
package struct WordList: Sendable, Equatable {
    package let words: [String]

    package static let common = WordList(
        words: """
            the of and to in is it that for was on are as with at be this have from or had by but what all were when we there can an your which \
            their said if do will each about how up out them then she many some so these would other into has more her two like him see time could \
            no make than first been its who now people my made over did down only way find use may water long little very after words called just \
            where most know get through back much go good new write our me man too any day same right look think also around another came come work \
            three must because does part even place well such here take why help put different away again off went old number great tell men say \
            small every found still between name should home big give air line set own under read last never us left end along while might next \
            sound below saw something thought both few those always show large often together asked house world going want school important until \
            form food keep children feet land side without boy once animal life enough took four head above kind began almost live page got earth \
            need far hand high year mother light country father let night picture being study second soon story since white ever paper hard near
            """.split(separator: " ").map(String.init))

    package init(words: [String]) { self.words = words }

    /// Text of `count` words. The first is always the same one, so that its own tokenisation (with no blank before it) can be allowed for.
    package func text(words count: Int, using generator: inout SplitMix64) -> String {
        guard count > 0, let first = words.first else { return "" }
        var text = first
        for _ in 1..<max(count, 1) {
            text += " "
            text += words[Int(generator.next() % UInt64(words.count))]
        }
        return text
    }

    /// The words that are one token each after a blank.
    /// - Parameter count: tokens of a text, special ones included if the server insists on them.
    package func keepingSingleTokens(_ count: (String) async throws -> Int) async throws -> WordList {
        // Subtracting the first word takes along what the tokenizer puts around every text.
        let base = try await count("the")
        func check(_ words: ArraySlice<String>) async throws -> [String] {
            let tokens = try await count("the " + words.joined(separator: " ")) - base
            if tokens == words.count { return Array(words) }
            guard words.count > 1 else { return [] }
            let middle = words.startIndex + words.count / 2
            return try await check(words[..<middle]) + check(words[middle...])
        }
        return WordList(words: try await check(words[...]))
    }
}
