import Foundation
import TestRandomness
import Testing

@testable import Evaluation

@Suite("Grading of mathematical answers")
struct MathGraderTests {
    @Test("hand-checked verdicts", arguments: GradingTable.categories.map(\.name))
    func table(_ category: String) throws {
        let text = try #require(GradingTable.categories.first { $0.name == category }).cases
        for (gold, answer, isRight) in GradingTable.cases(text) {
            #expect(MathGrader(gold: gold).accepts(answer) == isRight, "gold \(gold), answer \(answer)")
        }
    }

    @Test("whole responses", arguments: GradingTable.responses.map(\.name))
    func responses(_ category: String) throws {
        let text = try #require(GradingTable.responses.first { $0.name == category }).cases
        for (gold, response, isRight) in GradingTable.cases(text) {
            let grade = MathGrader(gold: gold).grade(response: response.replacing("⏎", with: "\n"))
            #expect(grade.isCorrect == isRight, "gold \(gold), response \(response), taken \(grade.answer ?? "nothing")")
        }
    }

    @Test("there are more than 300 of them, right and wrong")
    func tableIsLong() {
        let all = GradingTable.categories.flatMap { GradingTable.cases($0.cases) }
        #expect(all.filter(\.isRight).count > 150)
        #expect(all.filter { !$0.isRight }.count > 100)
    }

    @Test(
        "the final answer of a response",
        arguments: [
            (#"We get \boxed{5}."#, "5"), (#"First \boxed{3}, but then \boxed{\frac{1}{2}}"#, #"\frac{1}{2}"#),
            (#"\boxed{\{1, 2\}}"#, #"\{1, 2\}"#), (#"<think>\boxed{1}</think> It is \boxed{2}."#, "2"),
            (#"<think>so \boxed{7}</think>"#, "7"), (#"\boxed{\boxed{8}}"#, #"\boxed{8}"#), (#"\fbox{9}"#, "9"),
            ("72 / 2 = 36\n#### 36", "36"), ("#### 1,450,000", "1,450,000"), ("<answer>12</answer>", "12"),
            ("<answer> Answer: 12 </answer>", "12"), ("The answer is 42.", "42"), ("**Answer:** 3.5", "3.5"),
            ("Final answer: $x=5$", "$x=5$"),
            ("The answer is\n\n$\\frac{3}{4}$", "$\\frac{3}{4}$"), ("So she has 18 - 3 = 15 eggs, and earns $1,230.50 a day.", "$1,230.50"),
            (#"Hence $x+y = 3$ and so $z = \sqrt{2}$."#, #"\sqrt{2}"#), (#"\[ a = b = \frac{1}{3} \]"#, #"\frac{1}{3}"#),
            ("It falls by -7 degrees", "-7"), ("There are 12 left", "12"), ("about 30% of it", "30%"), ("ratio 3/4 of all", "3/4"),
            (#"\boxed{unclosed and the answer is 6"#, "6"),
        ])
    func extraction(_ response: String, _ answer: String) {
        #expect(AnswerExtraction.candidates(response).first == answer)
    }

    @Test("no answer", arguments: ["", "   ", "I do not know", "{{{{", "\\boxed{", "$", "\\"])
    func nothing(_ response: String) {
        let grade = MathGrader(gold: "5").grade(response: response)
        #expect(!grade.isCorrect)
    }

    @Test("several boxes make a list")
    func boxes() {
        let grader = MathGrader(gold: "1,-2")
        #expect(grader.grade(response: #"x is \boxed{1} or \boxed{-2}."#).isCorrect)
        #expect(!grader.grade(response: #"x is \boxed{1} or \boxed{2}."#).isCorrect)
        #expect(!MathGrader(gold: "1").grade(response: #"x is \boxed{1} or \boxed{2}."#).isCorrect)
        #expect(!grader.grade(response: #"First \boxed{1}, and after much more work we find \boxed{-2}."#).isCorrect)
    }

    /// Each must end soon, without a crash, and be wrong.
    @Test("hostile answers")
    func hostile() {
        let many = 1_000_000
        let huge = [
            String(repeating: "9", count: many), String(repeating: "(", count: many),
            String(repeating: "{", count: many) + String(repeating: "}", count: many),
            String(repeating: "\\boxed{", count: 100_000), String(repeating: "$", count: many),
            String(repeating: "answer is ", count: 20_000), String(repeating: "#### ", count: 20_000),
        ]
        let answers = [
            "9^9^9^9", "9^{9^{9^{9^{9}}}}", "(9!)!", "((9!)!)!", "2^{100000000}", "2^{-100000000}", "10^{10^{10}}", "(1+x)^{1000000}",
            "(a+b+c+d+e+f+g)^{60}", "((a+b)^{50}+(c+d)^{50})^{50}", "\\binom{1000000000}{500000000}", "\\sqrt[1000]{2}^{1000000}",
            "1e999999999", "1e-999999999",
            String(repeating: "(", count: 700) + "5" + String(repeating: ")", count: 700), String(repeating: "-", count: 1000) + "5",
            String(repeating: "\\frac{1}{", count: 100) + "5" + String(repeating: "}", count: 100),
            String(repeating: "\\sqrt{", count: 200),
            String(repeating: "|", count: 1001), String(repeating: "5!", count: 500), "5" + String(repeating: "!", count: 1000),
            String(repeating: "2^", count: 500) + "2", String(repeating: "1,", count: 700) + "1", String(repeating: "\\pm 1", count: 200),
            String(repeating: "\\text{", count: 300), "\\begin{pmatrix}" + String(repeating: "1&", count: 600) + "\\end{pmatrix}",
            "\\sqrt{99999999999999999999999999999999999999999999999999999999999999999999}", "\\sqrt{18446744073709551557}",
            "\\ln 340282366920938463463374607431768211457", String(repeating: "\\", count: 1001), "\u{0}\u{1}\u{FFFD}", "\\frac{1}{1-1}",
            String(repeating: "e\u{301}", count: 5000), "\\log_1 5", "\\log 0", "0^0", "0^{-1}",
            "1.5!", "(-1)!", "\\sin", "\\frac", "\\sqrt[", "x_", "^", "_", "5^", "5_8_8", "\\left", "a\\right", "[5)", "(5]",
        ]
        for gold in ["6", "(x+1, \\sqrt{2})"] {
            let grader = MathGrader(gold: gold)
            for answer in answers {
                #expect(!grader.accepts(answer), "gold \(gold), answer \(answer.prefix(60))")
                #expect(!grader.grade(response: answer).isCorrect)
            }
        }
        for answer in huge {
            let grader = MathGrader(gold: "6")
            #expect(!grader.accepts(answer) && !grader.grade(response: answer).isCorrect, "\(answer.prefix(60))")
        }
    }

    @Test("a hostile gold answer only accepts itself")
    func hostileGold() {
        let gold = "9^{9^{9^{9}}}"
        #expect(MathGrader(gold: gold).accepts(gold))
        #expect(!MathGrader(gold: gold).accepts("9^{9^{9^{8}}}"))
    }

    @Test("random sums: written differently equal, one step off unequal")
    func randomSums() {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<150 {
            let (a, b, c, d) = (
                Int.random(in: -50...50, using: &random), Int.random(in: 1...40, using: &random), Int.random(in: -50...50, using: &random),
                Int.random(in: 1...40, using: &random)
            )
            let radicand = Int.random(in: 2...60, using: &random)
            let gold = "\\frac{\(a)}{\(b)} + \\frac{\(c)\\sqrt{\(radicand)}}{\(d)}"
            let same = "\\frac{\(a * d) + \(c * b)\\sqrt{\(radicand)}}{\(b * d)}"
            let off = "\\frac{\(a * d + 1) + \(c * b)\\sqrt{\(radicand)}}{\(b * d)}"
            let grader = MathGrader(gold: gold)
            #expect(grader.accepts(same), "seed \(seed): \(gold) and \(same)")
            #expect(!grader.accepts(off), "seed \(seed): \(gold) and \(off)")
        }
    }
}
