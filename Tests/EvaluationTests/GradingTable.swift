/// Hand-checked verdicts: `gold ≡ answer` is right, `gold ≢ answer` is wrong. One category a block.
enum GradingTable {
    typealias Category = (name: String, cases: String)

    static let categories = numbers + algebra + equations + collections + notation

    /// `(gold, answer, isRight)` of every line.
    static func cases(_ text: String) -> [(gold: String, answer: String, isRight: Bool)] {
        text.split(separator: "\n").map { line in
            let isRight = line.contains(" ≡ ")
            let sides = line.split(separator: isRight ? " ≡ " : " ≢ ").map(String.init)
            precondition(sides.count == 2, "\(line)")
            return (sides[0], sides[1], isRight)
        }
    }
}
