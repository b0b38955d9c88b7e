import Models
import Texts
import Tokenizers

/// What is read to see what an adapter does.
package struct SampleText: Sendable, Equatable {
    /// The file it comes from, or what is said in its place.
    package let source: String
    package let text: String

    /// - Parameters:
    ///   - path: nil for the page that comes along.
    ///   - rows: of a `.jsonl` file, taken from the beginning; nil for all.
    /// - Throws: what `TextFile.read` throws.
    package init(path: String?, rows: Int? = nil) throws {
        source = path ?? "the page that comes along"
        text = try path.map { try TextFile.read($0, rows: rows) } ?? Self.page
    }

    package init(source: String, text: String) { (self.source, self.text) = (source, text) }

    /// The text's tokens, `limit` of them at most, cut into contexts of `length`. A last, shorter one counts when it is the only one or has half
    /// the length.
    /// - Throws: `InspectionError` for a text that is too short, and for tokens that the model does not have.
    package func contexts(of length: Int, limit: Int, _ bundle: ModelBundle) throws(InspectionError) -> [[Int32]] {
        let length = min(length, bundle.config.contextLength)
        let known = bundle.tokenizer.encode(text, addSpecialTokens: false, parseSpecial: false).prefix(limit)
        if let wrong = known.first(where: { $0 >= bundle.config.vocabSize }) {
            throw .strangeToken(model: bundle.name, token: wrong, vocabulary: bundle.config.vocabSize)
        }
        let all = stride(from: 0, to: known.count, by: length).map { Array(known[$0..<min($0 + length, known.count)]) }
        let contexts = all.filter { all.count == 1 || $0.count * 2 >= length }
        guard let first = contexts.first, first.count > 1 else {
            throw .tooLittleText(source: source, tokens: known.count, advice: "to measure anything; give more text")
        }
        return contexts
    }

    /// A page of prose, sums, a letter, a list and code, so that anything is there that an adapter might touch.
    package static let page = """
        The ferry left the harbour a little after six, while the lamps along the quay were still burning. Anna had meant to sleep until the \
        islands came in sight, but the sea was rough, and the old man on the bench opposite wanted to talk. He had been a lighthouse keeper, \
        he said, for thirty-one years, and in all that time he had missed only two nights: the one when his daughter was born, and the one \
        when the fog signal froze.

        "What does a keeper do all night?" she asked.

        "He counts," said the old man. "A flash every fifteen seconds makes four a minute, two hundred and forty an hour. In a winter night \
        of fourteen hours that is 3,360 flashes. When I could not sleep at home I counted on, and my wife would ask me what I had reached."

        Question: A shop sells pencils in boxes of 12. A school needs 150 pencils and has 18 already. How many boxes must it buy?
        Answer: Let me think step by step. The school still needs 150 - 18 = 132 pencils. One box holds 12, so it needs 132 / 12 = 11 boxes. \
        Wait, 11 * 12 = 132, so nothing is left over. Therefore the school must buy 11 boxes.

        Question: The sum of two numbers is 20 and their difference is 6. What is their product?
        Answer: Let the numbers be x and y with x + y = 20 and x - y = 6. Adding the equations gives 2x = 26, so x = 13 and y = 7. The product \
        is 13 * 7 = 91.

        Dear Mr. Okafor,
        thank you for your letter of 3 March. The roof of the north wing was repaired last week; the bill (EUR 1,284.50) is enclosed. \
        Please let us know whether the rooms may be painted before Easter.

        To make bread for two days you need:
        - 500 g of flour, half of it rye
        - 350 ml of lukewarm water
        - a teaspoon of salt and a little yeast
        Mix everything, let the dough rest overnight, and bake it for forty minutes at 220 degrees.

        def mean(values):
            total = 0.0
            for value in values:
                total += value
            return total / len(values) if values else None

        Light travels about 300,000 kilometres in a second, so the light of the sun is more than eight minutes old when it reaches us. What \
        we call the sun's place in the sky is the place where it was; by the time we see it set, it has already gone.
        """
}
