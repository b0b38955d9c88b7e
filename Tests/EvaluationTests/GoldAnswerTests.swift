import Foundation
import JSONText
import Testing

@testable import Evaluation

/// The reference answers of public data sets, which stand beside the project where its tests run.
enum SharedData {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/data")

    static var isThere: Bool { FileManager.default.fileExists(atPath: folder.path) }

    static func rows(_ name: String) throws -> [JSON] {
        try Data(contentsOf: folder.appending(path: name)).split(separator: 0x0A).map { try JSON(parsing: $0) }
    }
}

@Suite("Gold answers of public data sets", .enabled(if: SharedData.isThere))
struct GoldAnswerTests {
    @Test("are understood and get full marks, alone and in a box", arguments: ["math500", "aime24", "amc23"])
    func goldIsRight(_ name: String) throws {
        for row in try SharedData.rows(name + ".jsonl") {
            let gold = try row.string("answer")
            let grader = MathGrader(gold: gold)
            #expect(grader.isUnderstood, "\(name): \(gold)")
            #expect(grader.accepts(gold), "\(name): \(gold)")
            #expect(grader.accepts("  $" + gold + "$ "), "\(name): \(gold)")
            #expect(grader.grade(response: "So \\boxed{1234567}? No: \\boxed{\(gold)}.").isCorrect, "\(name): \(gold)")
        }
    }

    @Test("worked solutions of MATH-500 get full marks")
    func solutionsAreRight() throws {
        for row in try SharedData.rows("math500.jsonl") {
            let (gold, solution) = (try row.string("answer"), try row.string("solution"))
            #expect(MathGrader(gold: gold).grade(response: solution).isCorrect, "\(gold): \(solution.suffix(200))")
        }
    }
}
