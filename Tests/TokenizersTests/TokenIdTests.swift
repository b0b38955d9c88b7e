import RandomModels
import Testing
import Tokenizers

/// Ids as people write them.
@Suite struct TokenIdTests {
    @Test func listsOfIds() throws {
        let tokenizer = ByteTokenizer.make()
        #expect(try tokenizer.ids(in: "[1, 2,3]\n 255") == [1, 2, 3, 255] && tokenizer.ids(in: " ").isEmpty)
        for word in ["256", "-1", "x", "1.5", "99999999999"] {
            #expect(throws: NoTokenId(word: word, limit: tokenizer.vocabSize)) { try tokenizer.ids(in: "1 \(word)") }
        }
    }
}
