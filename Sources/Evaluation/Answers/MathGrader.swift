/// Grades answers to mathematical problems against a reference ("gold") answer.
///
/// Both are read as mathematics and compared exactly (`Algebra`); nothing is rounded, evaluated numerically or executed. What cannot be
/// read, or would cost too much, is compared as text. Grading ends after a bounded number of steps whatever the texts are.
package struct MathGrader: Sendable {
    private let gold: Reading

    /// - Parameter gold: the reference answer alone, in LaTeX or plain text.
    package init(gold: String) { self.gold = Reading(gold) }

    /// Whether the gold answer was understood as mathematics or as words, rather than only as a string of characters.
    package var isUnderstood: Bool { gold.value != nil || gold.words != nil }

    /// Whether `answer`, an answer alone, equals the gold answer.
    package func accepts(_ answer: String) -> Bool {
        let answer = Reading(answer)
        if answer.text.isEmpty { return false }
        if let wanted = gold.choice, gold.words != nil { return answer.choice == wanted || answer.words == gold.words }
        if let words = gold.words, let other = answer.words, words == other, gold.isWritten || answer.isWritten { return true }
        // Text decides only where the mathematics cannot be told.
        guard let value = answer.value, let wanted = gold.value else { return answer.text == gold.text }
        if let grouped = answer.grouped, (try? AnswerComparison.matches(grouped, gold: wanted)) == true { return true }
        return (try? AnswerComparison.matches(value, gold: wanted)) ?? (answer.text == gold.text)
    }

    /// Grades a whole response: extracts its final answer and compares it.
    /// - Returns: what was extracted, nil when there is nothing that could be an answer; and whether it is right.
    package func grade(response: String) -> Grade {
        // The first candidate is the answer; a second one is a list of boxes, which only counts when it is right.
        let candidates = AnswerExtraction.candidates(response)
        if let right = candidates.first(where: accepts) { return Grade(answer: right, isCorrect: true) }
        return Grade(answer: candidates.first, isCorrect: false)
    }

    package struct Grade: Sendable, Equatable {
        package let answer: String?
        package let isCorrect: Bool
    }

    /// One text, read in every way in which it will be compared.
    private struct Reading: Sendable {
        let text: String
        let value: AnswerValue?
        /// `12,34,567` as one number, where it is that rather than three.
        let grouped: AnswerValue?
        let words: String?
        /// It holds a word or `\text`, so that it is text rather than a product of variables.
        let isWritten: Bool
        let choice: Character?

        init(_ raw: String) {
            guard raw.utf8.count <= 4 * MathLexer.mostCharacters, let tokens = try? MathLexer.tokens(raw) else {
                (text, value, grouped, words, isWritten, choice) = (String(raw.prefix(100_000)), nil, nil, nil, false, nil)
                return
            }
            text = AnswerText.stripped(raw)
            words = AnswerText.text(tokens)
            isWritten = tokens.contains { if case .words = $0.kind { true } else { false } }
            choice = AnswerText.choice(raw)
            value = try? AnswerEvaluator.value(try MathParser.parse(tokens))
            let number =
                tokens.contains { $0.kind == .sign(",") }
                ? try? AnswerEvaluator.value(try MathParser.parse(tokens, readsIndianGroups: true)) : nil
            if case .collection? = value, let number, !number.isCollection { grouped = number } else { grouped = nil }
        }
    }
}
