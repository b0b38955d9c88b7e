/// What happened when: answers ended and tokens received, in intervals of equal length. When there get to be too many, neighbours are joined.
package struct Timeline: Sendable, Equatable {
    package private(set) var secondsPerPoint = 0.25
    package private(set) var answers: [Int] = []
    package private(set) var tokens: [Double] = []
    private static let maximumPoints = 240

    package init() {}

    /// - Parameter second: since the start of measuring.
    package mutating func add(second: Double, answers newAnswers: Int = 0, tokens newTokens: Double = 0) {
        let second = max(0, second)
        while Int(second / secondsPerPoint) >= Self.maximumPoints { joinNeighbours() }
        let point = Int(second / secondsPerPoint)
        while answers.count <= point {
            answers.append(0)
            tokens.append(0)
        }
        answers[point] += newAnswers
        tokens[point] += newTokens
    }

    private mutating func joinNeighbours() {
        secondsPerPoint *= 2
        func joined<Number: AdditiveArithmetic>(_ values: [Number]) -> [Number] {
            stride(from: 0, to: values.count, by: 2).map { $0 + 1 < values.count ? values[$0] + values[$0 + 1] : values[$0] }
        }
        answers = joined(answers)
        tokens = joined(tokens)
    }
}
