import ArgumentParser
import Models

/// What is read to see what an adapter does.
struct SampleOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Text to read. Of a .jsonl file, each row's "text", or "question" and "answer" ("problem" and "solution") on lines of their own. \
            (default: a page that comes along)
            """,
            valueName: "file"))
    var text: String?

    @Option(help: "Rows of a .jsonl file to read. (default: all)")
    var rows: Int?

    @Option(help: "Tokens to read at most.")
    var tokens = 1024

    @Option(help: "Tokens in a context.")
    var context = 256

    func validate() throws {
        try CompanionOptions.check(text?.hasSuffix(".jsonl") ?? false, "a --text that is a .jsonl file", [("--rows", rows != nil)])
        let limits = [("--rows", rows), ("--tokens", tokens), ("--context", context)]
        for (name, value) in limits where value.map({ $0 < 1 }) ?? false {
            throw ValidationError("\(name) is \(value ?? 0), but must be at least 1")
        }
    }

    var description: String { text ?? "the page that comes along" }

    func read() throws -> String { try text.map { try QualityText.read($0, rows: rows) } ?? SampleText.page }

    /// The text's tokens, cut into contexts. A last, shorter one counts when it is the only one or has half the length.
    func contexts(_ bundle: ModelBundle) throws -> [[Int32]] {
        let length = min(context, bundle.config.contextLength)
        let known = bundle.tokenizer.encode(try read(), addSpecialTokens: false, parseSpecial: false).prefix(tokens)
        if let wrong = known.first(where: { $0 >= bundle.config.vocabSize }) {
            throw CommandError("the tokenizer of \(bundle.name) makes token \(wrong), the model has \(bundle.config.vocabSize)")
        }
        let all = stride(from: 0, to: known.count, by: length).map { Array(known[$0..<min($0 + length, known.count)]) }
        let contexts = all.filter { all.count == 1 || $0.count * 2 >= length }
        guard let first = contexts.first, first.count > 1 else {
            throw CommandError("\(description) has \(known.count) tokens, too few to measure anything; give more text")
        }
        return contexts
    }
}

/// A page of prose, sums, a letter, a list and code, so that anything is there that an adapter might touch.
enum SampleText {
    static let page = """
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
