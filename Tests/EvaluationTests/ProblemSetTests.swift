import Foundation
import Testing

@testable import Evaluation

extension ProblemSet {
    /// `problems` of them, named 1, 2, ...; the answer to each is 40 and its number.
    static func made(_ name: String, problems: Int) -> ProblemSet {
        let lines = (1...problems).map { "{\"question\": \"What is 40 + \($0)?\", \"answer\": \"\(40 + $0)\"}\n" }.joined()
        // The text is well-formed.
        return try! ProblemSet(name: name, contents: Data(lines.utf8), place: name)
    }
}

@Suite("Data sets")
struct ProblemSetTests {
    private func read(_ text: String) throws(EvaluationError) -> [Problem] {
        try ProblemSet(name: "data", contents: Data(text.utf8), place: "data.jsonl").problems
    }

    @Test("the kinds of rows that there are")
    func rows() throws {
        let problems = try read(
            #"""
            {"question": "one", "answer": "so 2+3 = <<2+3=5>>5\n#### 1,005"}
            {"problem": "two", "solution": "It is $\\boxed{\\frac{1}{2}}$.", "answer": "\\frac{1}{2}", "unique_id": "test/2.json"}

            {"problem": "three", "answer": 27, "id": 7}
            {"problem": "four", "solution": "thus \\boxed{x}"}
            {"prompt": "five", "final_answer": 2.5}
            {"problem": "six", "answer": "Thus \\boxed{6}.", "id": "nine"}
            """#)
        #expect(problems.map(\.question) == ["one", "two", "three", "four", "five", "six"])
        #expect(problems.map(\.gold) == ["1,005", "\\frac{1}{2}", "27", "x", "2.5", "6"])
        #expect(problems.map(\.id) == ["1", "test/2.json", "7", "5", "6", "nine"])
    }

    @Test(
        "bad rows are refused with file and line",
        arguments: [
            ("", "data.jsonl has no problems"), ("\n \n", "data.jsonl has no problems"),
            ("{\"problem\": \"a\", \"answer\": \"1\"}\n{\"problem\": ", "data.jsonl line 2: is no JSON"),
            ("[1]\n", "data.jsonl line 1: is an array of 1, wanted an object"),
            ("{\"text\": \"a\", \"answer\": \"1\"}", "data.jsonl line 1: has no text under problem, question, prompt"),
            ("{\"problem\": 5, \"answer\": \"1\"}", "data.jsonl line 1: has no text under"),
            ("{\"problem\": \"a\", \"label\": \"1\"}", "data.jsonl line 1: has no answer under answer"),
            ("{\"problem\": \"a\", \"answer\": \"\"}", "data.jsonl line 1: has no answer under answer"),
            ("{\"problem\": \"a\", \"answer\": null}", "data.jsonl line 1: has no answer under answer"),
            ("{\"problem\": \"a\", \"answer\": [1]}", "data.jsonl line 1: has no answer under answer"),
            (
                "{\"problem\": \"a\", \"answer\": \"1\", \"id\": \"x\"}\n{\"problem\": \"b\", \"answer\": \"1\", \"id\": \"x\"}",
                "data.jsonl line 2: the name 'x' is taken"
            ), ("\u{0}\u{1}\u{2}PNG", "data.jsonl line 1: is no JSON"),
        ])
    func refusals(_ text: String, _ message: String) {
        do {
            _ = try read(text)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test("bytes that are no text, and a file that is not there")
    func binary() {
        var bytes = Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 128) })
        bytes[0] = 0xFF
        #expect(throws: EvaluationError.self) { try ProblemSet(name: "b", contents: bytes, place: "b") }
        #expect(throws: EvaluationError.self) { try ProblemSet.read(path: "/nonexistent/data.jsonl") }
        #expect(throws: EvaluationError.self) { try ProblemSet.read(path: "/") }
    }

    @Test("parts")
    func parts() {
        let set = ProblemSet.made("a", problems: 5)
        #expect(set.part(skip: 1, count: 2).problems.map(\.id) == ["2", "3"])
        #expect(set.part(skip: 9, count: nil).problems.isEmpty)
        #expect(set.part(skip: 0, count: nil).problems.count == 5)
        #expect(set.part(skip: 1, count: 2).digest == set.digest)
    }

    @Test("GSM8K's gold answers are understood and get full marks", .enabled(if: SharedData.isThere), arguments: ["gsm8k_test"])
    func gsm8k(_ name: String) throws {
        let set = try ProblemSet.read(path: SharedData.folder.appending(path: name + ".jsonl").path)
        #expect(set.problems.count == 1319)
        let rows = try SharedData.rows(name + ".jsonl")
        for (problem, row) in zip(set.problems, rows) {
            let grader = MathGrader(gold: problem.gold)
            #expect(grader.isUnderstood && grader.accepts(problem.gold), "\(problem.gold)")
            // The worked solution, with its #### line, and without it but with the answer boxed.
            #expect(grader.grade(response: try row.string("answer")).isCorrect, "\(problem.gold)")
            #expect(grader.grade(response: "Thus \\boxed{\(problem.gold)}").isCorrect, "\(problem.gold)")
            #expect(!grader.accepts(problem.gold + "1") && !grader.accepts("-(\(problem.gold) + 1)"), "\(problem.gold)")
        }
    }

    @Test(
        "every shared data set is read whole", .enabled(if: SharedData.isThere),
        arguments: [("math500", 500), ("aime24", 30), ("amc23", 40)])
    func counts(_ name: String, _ count: Int) throws {
        #expect(try ProblemSet.read(path: SharedData.folder.appending(path: name + ".jsonl").path).problems.count == count)
    }

    @Test("prompts")
    func prompts() {
        #expect(
            PromptStyle(name: "r1")?.prompt(for: "Q") == .chat(system: PromptStyle.r1System, user: "Q"))
        #expect(PromptStyle(name: "plain")?.prompt(for: "Q") == .chat(system: nil, user: "Q"))
        #expect(PromptStyle.template("Question: {problem}\nAnswer:").prompt(for: "{problem}?") == .text("Question: {problem}?\nAnswer:"))
        #expect(PromptStyle(name: "other") == nil)
        guard case .text(let text)? = PromptStyle(name: "trigger")?.prompt(for: "Q") else {
            Issue.record("no text")
            return
        }
        #expect(text.hasSuffix("</answer>.\nUser:\n Q\n\nAssistant:\n <think>"))
    }
}
