/// What an answer was worth.
package struct Score: Sendable, Equatable {
    package let isCorrect: Bool
    /// Something was found that could be an answer.
    package let hasAnswer: Bool
    package let tokens: Int
    /// It was cut off by the limit on tokens.
    package let isTruncated: Bool

    package init(isCorrect: Bool, hasAnswer: Bool, tokens: Int, isTruncated: Bool) {
        (self.isCorrect, self.hasAnswer, self.tokens, self.isTruncated) = (isCorrect, hasAnswer, tokens, isTruncated)
    }

    init(_ answer: ModelAnswer, _ grader: MathGrader) {
        let grade = grader.grade(response: answer.text)
        self.init(
            isCorrect: grade.isCorrect, hasAnswer: grade.answer != nil, tokens: answer.tokens, isTruncated: answer.finish == "length")
    }
}

/// The scores of all arms by data set, problem and sample.
package struct ScoreTable: Sendable {
    private var scores: [AnswerKey: Score] = [:]

    package init() {}

    package var count: Int { scores.count }
    package var correct: Int { scores.values.count(where: \.isCorrect) }

    package func contains(_ key: AnswerKey) -> Bool { scores[key] != nil }

    /// The first score of a key counts.
    package mutating func add(_ key: AnswerKey, _ score: Score) { if scores[key] == nil { scores[key] = score } }

    /// The scores of an arm on the problems that have at least `samples` of every one of `arms`, in the problems' order: the same
    /// problems and samples for each arm.
    func complete(_ arm: Arm, on set: ProblemSet, samples: Int, arms: [Arm]) -> [[Score]] {
        set.problems.compactMap { problem in
            for other in arms {
                for sample in 0..<samples
                where !contains(AnswerKey(data: set.name, problem: problem.id, arm: other.name, sample: sample)) { return nil }
            }
            return (0..<samples).compactMap {
                scores[AnswerKey(data: set.name, problem: problem.id, arm: arm.name, sample: $0)]
            }
        }
    }
}
