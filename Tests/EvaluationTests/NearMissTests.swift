import Foundation
import Testing

@testable import Evaluation

/// Gold answers of public data sets with one thing changed.
@Suite("Near misses of gold answers are wrong", .enabled(if: SharedData.isThere))
struct NearMissTests {
    private static let golds: [String] = {
        let files = ["math500", "aime24", "amc23"]
        return (try? files.flatMap { try SharedData.rows($0 + ".jsonl").map { try $0.string("answer") } }) ?? []
    }()

    /// Those that are whole numbers above 1, each once.
    private static let counts = Set(golds.compactMap { Int($0) }.filter { $0 > 1 }).sorted()

    @Test("one digit changed")
    func digits() {
        for gold in Self.golds {
            let grader = MathGrader(gold: gold)
            for index in gold.indices where gold[index].isASCII && gold[index].isNumber {
                var changed = gold
                let digit = gold[index].wholeNumberValue ?? 0
                changed.replaceSubrange(index...index, with: "\((digit + 1) % 10)")
                #expect(!grader.accepts(changed), "\(gold) took \(changed)")
            }
        }
    }

    @Test("a sign changed")
    func signs() {
        for gold in Self.golds where gold != "0" {
            let grader = MathGrader(gold: gold)
            guard gold.allSatisfy({ !",=&[(".contains($0) }), !gold.contains("\\text"), !gold.contains("\\pm") else { continue }
            #expect(!grader.accepts("-(\(gold))"), "\(gold) took its negative")
        }
    }

    @Test("one more, twice, squared, rounded")
    func arithmetic() {
        for gold in Self.golds {
            let grader = MathGrader(gold: gold)
            guard let value = Int(gold), value != 0 else { continue }
            for wrong in [
                "\(value + 1)", "\(value - 1)", "\(value).5", "\(value)x", "x", "\(value), \(value)", "(\(value), \(value))",
                "\(value)i + 1", "-\(value)", "\(value)0",
                "2 \\cdot \(value)", "\\frac{\(value)}{2}",
            ] {
                #expect(!grader.accepts(wrong), "\(gold) took \(wrong)")
            }
        }
    }

    @Test("a number that the answer is only a part of, in prose")
    func parts() {
        for value in Self.counts {
            let grader = MathGrader(gold: "\(value)")
            for wrong in [
                "\u{2212}\(value)", "minus \(value)", "= - \(value)", "\(value) 000", "\(value)\u{202F}000", "\(value)'000", "0.\(value)",
                "\(value).5", "\(value)\u{B2}", "2^\(value)", "\(value)^{2}", "1.5 × 10^\(value)", "\(value) × 10^3", "\(value)e3",
                "7/\(value)",
                "\(value) / 7", "\(value) 1/2", "1 1/\(value)", "\(value)½", "7:\(value)", "\(value) : 7", "\(value)√2", "√\(value)",
                "\\sqrt{\(value)}",
                "\(value)\\sqrt{2}", "\\frac{7}{\(value)}", "\(value)π", "π/\(value)", "\(value)x", "x + \(value)", "\(value) - x",
                "(7,\(value))",
                "7,\(value),7", "1011_\(value)", "x^\(value)", "0.\\overline{\(value)}",
            ] {
                let response = "So the result is \(wrong)."
                #expect(!grader.grade(response: response).isCorrect, "\(value) took \(response)")
            }
        }
    }

    @Test("an equation of which the answer is one side")
    func sides() {
        for value in Self.counts {
            let grader = MathGrader(gold: "\(value)")
            for wrong in [
                "2x = \(value)", "x + 1 = \(value)", "x^2 = \(value)", "x(x + 1) = \(value)", "\\sqrt{x} = \(value)", "-x = \(value)",
                "1/x = \(value)",
                "2\\angle ABC = \(value)", "\\angle ABC + 1 = \(value)", "2|AB| = \(value)", "\\frac{1}{2} f(2) = \(value)",
                "f(2) = \(value + 1)",
                "\\gcd(12, 18) > \(value)", "\(value) = x + 1", "x = \(value), y = 7",
            ] { #expect(!grader.accepts(wrong), "\(value) took \(wrong)") }
        }
    }

    @Test("each other's answers")
    func others() throws {
        let distinct = Array(Set(Self.golds)).sorted()
        let graders = distinct.map { MathGrader(gold: $0) }
        for (index, grader) in graders.enumerated() {
            // Those next to it in order are most like it.
            for other in max(0, index - 12)..<min(distinct.count, index + 12) where other != index && grader.accepts(distinct[other]) {
                let gold = distinct[other]
                // Ways of writing one value: taken from the list of what is equal among these data sets.
                let pair = Set([distinct[index], gold])
                #expect(Self.equal.contains(pair), "\(distinct[index]) took \(gold)")
            }
        }
    }

    /// Answers of different problems that are the same value.
    private static let equal: [Set<String>] = [
        ["2\\sqrt{5}", "2 \\sqrt{5}"], ["10,\\!080", "10080"], ["90", "90^\\circ"], ["120", "120^\\circ"], ["36", "\\$36"],
        ["36", "36^\\circ"],
        ["\\$36", "36^\\circ"], ["180", "180^\\circ"], ["30", "30^\\circ"], ["5", "x=5"], ["45", "045"], ["55", "055"],
        ["55^\\circ", "055"],
        ["33", "033"], ["23", "023"], ["25", "025"], ["80", "080"], ["\\frac{270}7\\text{ degrees}", "\\frac{270}{7}"],
        ["15", "15\\mbox{ cm}^2"], ["864", "864 \\mbox{ inches}^2"], ["4.5", "\\frac{9}{2}"], ["1.25", "\\frac{5}{4}"],
    ]
}
