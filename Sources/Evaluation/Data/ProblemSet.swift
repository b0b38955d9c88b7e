import Checkpoints
import Foundation
import JSONText

/// A question with its reference answer.
package struct Problem: Sendable, Equatable {
    /// Unique in its data set: the row's own name, or its line number.
    package let id: String
    package let question: String
    /// The answer alone.
    package let gold: String

    package init(id: String, question: String, gold: String) { (self.id, self.question, self.gold) = (id, question, gold) }
}

/// A data set: one JSON object a line, the question under `problem` or `question`, the answer under `answer` (GSM8K's working before
/// `####` is dropped, and so is what stands around a `\boxed{}`), or in the last box of `solution`.
package struct ProblemSet: Sendable {
    /// The file's name without its extension.
    package let name: String
    package let problems: [Problem]
    /// SHA-256 of the file.
    package let digest: String

    private static let questionKeys = ["problem", "question", "prompt"]
    private static let answerKeys = ["answer", "final_answer", "expected_answer"]

    /// - Throws: `EvaluationError.unusableData` naming file and line.
    package static func read(path: String) throws(EvaluationError) -> ProblemSet {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .unusableData(place: path, reason: "cannot be read: \((error as NSError).localizedDescription)")
        }
        return try ProblemSet(
            name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent, contents: bytes, place: path)
    }

    package init(name: String, contents: Data, place: String) throws(EvaluationError) {
        self.name = name
        digest = contents.withUnsafeBytes { ContentDigest(bytes: $0).description }
        var ids = Set<String>()
        problems = try JSONLines.map(contents) { (row) throws(EvaluationError) in
            let place = "\(place) line \(row.line)"
            let problem = try Self.problem(in: row, place: place)
            guard ids.insert(problem.id).inserted else {
                throw .unusableData(place: place, reason: "the name '\(problem.id)' is taken by an earlier line")
            }
            return problem
        }
        if problems.isEmpty { throw .noProblems(place) }
    }

    private init(name: String, problems: [Problem], digest: String) {
        (self.name, self.problems, self.digest) = (name, problems, digest)
    }

    /// A part of it: `count` problems after the first `skip`.
    package func part(skip: Int, count: Int?) -> ProblemSet {
        ProblemSet(name: name, problems: Array(problems.dropFirst(skip).prefix(count ?? .max)), digest: digest)
    }

    private static func problem(in line: JSONLines.Row, place: String) throws(EvaluationError) -> Problem {
        let row: JSON
        do {
            row = try line.json()
        } catch {
            throw .unusableData(place: place, reason: "is no JSON, \(error)")
        }
        guard row.object != nil else { throw .unusableData(place: place, reason: "is \(row.kind), wanted an object") }
        guard let question = questionKeys.lazy.compactMap({ row[$0]?.string }).first(where: { !$0.isEmpty }) else {
            throw .unusableData(place: place, reason: "has no text under \(questionKeys.joined(separator: ", "))")
        }
        guard let gold = gold(row), !gold.isEmpty else {
            throw .unusableData(
                place: place, reason: "has no answer under \(answerKeys.joined(separator: ", ")), nor a \\boxed one under solution")
        }
        let id = ["unique_id", "id"].lazy.compactMap { row[$0] }.compactMap { $0.string ?? $0.int.map { String($0) } }.first
        return Problem(id: id ?? "\(line.line)", question: question, gold: gold)
    }

    private static func gold(_ row: JSON) -> String? {
        for key in answerKeys {
            guard let value = row[key] else { continue }
            if let number = value.int { return "\(number)" }
            if let number = value.double { return "\(number)" }
            guard let text = value.string else { continue }
            if let mark = text.range(of: "####", options: .backwards) {
                return text[mark.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines)
            }
            if text.contains("\\boxed"), let boxed = AnswerExtraction.candidates(text).first { return boxed }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let solution = row["solution"]?.string, solution.contains("\\boxed") else { return nil }
        return AnswerExtraction.candidates(solution).first
    }
}
