import Foundation
import Testing

@testable import Evaluation

@Suite("Statistics")
struct StatisticsTests {
    private func close(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool { abs(a - b) <= tolerance * max(1, abs(b)) }

    /// numpy: `np.mean(x)`, `np.std(x, ddof=1) / np.sqrt(4)`.
    @Test("avg@n and its standard error over problems")
    func mean() throws {
        let (value, error) = PassRate.mean([0.5, 1, 0, 0.25])
        #expect(value == 0.4375)
        #expect(close(try #require(error), 0.21347814095749162))
        #expect(PassRate.mean([1]).standardError == nil)
        #expect(PassRate.mean([1, 1, 1]).standardError == 0)
    }

    /// By enumeration of all subsets of k of n samples.
    @Test(
        "pass@k", arguments: [(10, 3, 1, 0.3), (10, 3, 4, 0.8333333333333334), (8, 1, 8, 1), (16, 5, 2, 0.5416666666666666), (5, 0, 3, 0)])
    func passAtK(_ samples: Int, _ correct: Int, _ k: Int, _ value: Double) throws {
        #expect(close(try #require(PassRate.atLeastOne(of: k, samples: samples, correct: correct)), value))
    }

    @Test("pass@k needs k samples")
    func passAtKLimits() {
        #expect(PassRate.atLeastOne(of: 5, samples: 4, correct: 4) == nil)
        #expect(PassRate.atLeastOne(of: 0, samples: 4, correct: 4) == nil)
        #expect(PassRate.atLeastOne(of: 1, samples: 1, correct: 1) == 1)
    }

    /// scipy: `binomtest(better, better + worse).pvalue`.
    @Test(
        "exact McNemar",
        arguments: [
            (5, 1, 0.21875), (10, 2, 0.03857421875), (30, 14, 0.022628841205914796), (7, 7, 1), (0, 0, 1), (0, 12, 0.00048828125),
            (400, 350, 0.07350777405843545),
        ])
    func mcNemar(_ better: Int, _ worse: Int, _ p: Double) {
        #expect(close(PairedTests.mcNemar(better: better, worse: worse), p, 1e-9))
        #expect(PairedTests.mcNemar(better: better, worse: worse) == PairedTests.mcNemar(better: worse, worse: better))
    }

    /// By hand: sorted .01 .02 .03 .5 times 4 3 2 1, never falling.
    @Test("Holm")
    func holm() {
        #expect(zip(PairedTests.holm([0.03, 0.01, 0.5, 0.02]), [0.06, 0.04, 0.5, 0.06]).allSatisfy { close($0, $1) })
        #expect(PairedTests.holm([0.6, 0.7]) == [1, 1])
        #expect(PairedTests.holm([]) == [])
    }

    /// numpy: `np.quantile([1, 2, 4, 8, 16], [.025, .5, .9])`.
    @Test("quantiles")
    func quantiles() {
        let values: [Double] = [1, 2, 4, 8, 16]
        for (share, value) in [(0.025, 1.1), (0.5, 4), (0.9, 12.8), (0, 1), (1, 16)] {
            #expect(close(PairedTests.quantile(values, share), value))
        }
    }

    @Test("the bootstrap meets the normal interval on many problems, and finds no difference in none")
    func bootstrap() {
        // 600 problems: better on 150, worse on 90. The mean is 0.1, its standard error by formula.
        let differences = Array(repeating: 1.0, count: 150) + Array(repeating: -1.0, count: 90) + Array(repeating: 0.0, count: 360)
        let (mean, error) = PassRate.mean(differences)
        let result = PairedTests.bootstrap([differences], resamples: 4000, seed: 5)
        #expect(close(mean, 0.1))
        #expect(abs(result.low - (mean - 1.96 * (error ?? 0))) < 0.006)
        #expect(abs(result.high - (mean + 1.96 * (error ?? 0))) < 0.006)
        // 0.1 is 3.93 standard errors.
        #expect(result.p < 0.003)
        #expect(result == PairedTests.bootstrap([differences], resamples: 4000, seed: 5))
        #expect(result != PairedTests.bootstrap([differences], resamples: 4000, seed: 6))
        #expect(PairedTests.bootstrap([[0, 0, 0]], resamples: 100, seed: 1).p == 1)
        let level = PairedTests.bootstrap([[1, -1, 1, -1]], resamples: 2000, seed: 1)
        #expect(level.p == 1)
        #expect(level.low < 0 && level.high > 0)
    }

    @Test("two data sets weigh the same, whatever their sizes")
    func strata() {
        let result = PairedTests.bootstrap([Array(repeating: 1, count: 400), Array(repeating: 0, count: 10)], resamples: 200, seed: 2)
        #expect(result.low == 0.5 && result.high == 0.5)
    }
}

@Suite("The report")
struct EvaluationReportTests {
    private static let sets = [
        ProblemSet.made("a", problems: 4), ProblemSet.made("b", problems: 2),
    ]
    private static let arms = [
        Arm.base, Arm(name: "x", role: .adapter), Arm(name: "x-random-0", role: .random(of: "x")), Arm(name: "s", role: .shuffled),
    ]

    /// Right: base the first sample of problem 1; x everything but b's problem 2; the random LoRA as the base; s nothing.
    private func scores() -> ScoreTable {
        var scores = ScoreTable()
        for set in Self.sets {
            for problem in set.problems {
                for arm in Self.arms {
                    for sample in 0..<2 {
                        let isBaseRight = problem.id == "1" && sample == 0
                        let isCorrect =
                            switch arm.name {
                            case "x": !(set.name == "b" && problem.id == "2")
                            case "s": false
                            default: isBaseRight
                            }
                        scores.add(
                            AnswerKey(data: set.name, problem: problem.id, arm: arm.name, sample: sample),
                            Score(isCorrect: isCorrect, hasAnswer: arm.name != "s", tokens: 10 * (sample + 1), isTruncated: sample == 1))
                    }
                }
            }
        }
        return scores
    }

    private var plan: EvaluationRun.Plan { EvaluationRun.Plan(sets: Self.sets, arms: Self.arms, samples: 2, seed: 0, concurrency: 1) }

    @Test("rates, comparisons and corrections, by hand")
    func figures() throws {
        let report = EvaluationReport(model: "m", plan: plan, scores: scores(), settings: [("seed", "0")], resamples: 500)
        #expect(report.rows.count == 3 * 4)
        func row(_ data: String, _ arm: String) throws -> EvaluationReport.Row {
            try #require(report.rows.first { $0.data == data && $0.arm == arm })
        }
        let base = try row("a", "none")
        #expect(base.passAt1 == 0.125 && base.standardError == 0.125)
        #expect(base.passAtK == [EvaluationReport.PassAt(k: 2, value: 0.25)])
        #expect(base.comparison == nil)
        #expect(base.meanTokens == 15 && base.medianTokens == 15 && base.truncatedShare == 0.5 && base.unansweredShare == 0)
        let x = try row("a", "x")
        #expect(x.passAt1 == 1)
        #expect(x.comparison?.difference == 0.875)
        #expect(x.comparison?.better == 4 && x.comparison?.worse == 0)
        #expect(abs((x.comparison?.mcnemarP ?? 0) - 0.125) < 1e-9)
        // Nine comparisons; the least p is that of all problems together, 2 * 2^-5: x against the base on both sets.
        let all = try row("all", "x")
        #expect(all.problems == 6)
        #expect(all.passAt1 == 0.75)
        #expect(abs((all.comparison?.mcnemarP ?? 0) - 0.0625) < 1e-9)
        #expect(abs((all.comparison?.mcnemarPHolm ?? 0) - 0.5625) < 1e-9)
        let random = try row("all", "x-random-0")
        #expect(random.comparison?.difference == 0 && random.comparison?.bootstrapP == 1 && random.comparison?.mcnemarPHolm == 1)
        #expect(random.role == "control: random LoRA, norms of x")
        #expect(try row("b", "s").role == "control: tuned with a shuffled SAE")
        #expect(try row("b", "s").unansweredShare == 1)
    }

    @Test("only problems that all arms have answered count")
    func incomplete() throws {
        var part = ScoreTable()
        for arm in Self.arms {
            for sample in 0..<2 {
                part.add(
                    AnswerKey(data: "a", problem: "2", arm: arm.name, sample: sample),
                    Score(isCorrect: true, hasAnswer: true, tokens: 1, isTruncated: false))
            }
        }
        part.add(
            AnswerKey(data: "a", problem: "3", arm: "none", sample: 0),
            Score(isCorrect: false, hasAnswer: true, tokens: 1, isTruncated: false))
        let report = EvaluationReport(model: "m", plan: plan, scores: part, settings: [], resamples: 100)
        #expect(report.rows.map(\.data) == ["a", "a", "a", "a"])
        #expect(report.rows.allSatisfy { $0.problems == 1 && $0.passAt1 == 1 && $0.standardError == nil })
        #expect(EvaluationReport(model: "m", plan: plan, scores: ScoreTable(), settings: [], resamples: 100).rows.isEmpty)
    }

    @Test("JSON and SVG can be read by others")
    func forms() throws {
        let report = EvaluationReport(model: "a < b & \"c\"", plan: plan, scores: scores(), settings: [("seed", "0")], resamples: 100)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(report.json().utf8)) as? [String: Any])
        let rows = try #require(json["rows"] as? [[String: Any]])
        #expect(rows.count == 12)
        #expect(rows[0]["pass_at1"] as? Double == 0.125)
        #expect((rows[1]["comparison"] as? [String: Any])?["mcnemar_p_holm"] != nil)
        let svg = EvaluationPage.svg(report)
        #expect(svg.hasPrefix("<?xml") && svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("a &lt; b &amp; &quot;c&quot;") && !svg.contains("nan") && !svg.contains("inf"))
    }
}
