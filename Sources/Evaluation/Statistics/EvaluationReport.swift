import Foundation

/// What an evaluation found. As JSON, names are in snake case and figures that cannot be told are left out.
package struct EvaluationReport: Encodable, Sendable {
    package struct PassAt: Encodable, Sendable, Equatable {
        package let k: Int
        package let value: Double
    }

    /// An arm against the base on the same problems and seeds.
    package struct Comparison: Encodable, Sendable {
        package let difference: Double
        package let standardError: Double?
        package let low, high: Double
        package let bootstrapP: Double
        /// Problems on which the arm's share of right samples is greater, or less, than the base's.
        package let better, worse: Int
        package let mcnemarP: Double
        /// Corrected for the number of comparisons in the report.
        package fileprivate(set) var bootstrapPHolm = 1.0
        package fileprivate(set) var mcnemarPHolm = 1.0
    }

    package struct Row: Encodable, Sendable {
        package let arm: String
        package let role: String
        package let data: String
        /// Problems that all arms have answered in all samples; only they count.
        package let problems: Int
        package let passAt1: Double
        package let standardError: Double?
        package let passAtK: [PassAt]
        package let meanTokens: Double
        package let medianTokens: Double
        package let truncatedShare: Double
        package let unansweredShare: Double
        package fileprivate(set) var comparison: Comparison?
    }

    package let model: String
    package let samples: Int
    package let settings: [String: String]
    package let resamples: Int
    package let answered, questions: Int
    /// Data sets in the order given, then all together; arms in the order given.
    package let rows: [Row]

    /// Data sets all together: the mean over data sets, as the paper's tables average them.
    package static let together = "all"

    /// - Parameter settings: what the report repeats of how the answers were made.
    package init(
        model: String, plan: EvaluationRun.Plan, scores: ScoreTable, settings: [(name: String, value: String)], resamples: Int = 10_000
    ) {
        self.model = model
        self.samples = plan.samples
        self.settings = Dictionary(settings.map { ($0.name, $0.value) }) { first, _ in first }
        self.resamples = resamples
        answered = scores.count
        questions = plan.questionCount
        var rows: [Row] = []
        let sets = plan.sets.map { [$0] } + (plan.sets.count > 1 ? [plan.sets] : [])
        for sets in sets {
            let name = sets.count == 1 ? sets[0].name : Self.together
            let base = sets.map { scores.complete(plan.arms[0], on: $0, samples: plan.samples, arms: plan.arms) }
            // A data set without one whole problem makes no row.
            guard base.allSatisfy({ !$0.isEmpty }) else { continue }
            for arm in plan.arms {
                let mine = sets.map { scores.complete(arm, on: $0, samples: plan.samples, arms: plan.arms) }
                var row = Self.row(arm, name, mine, samples: plan.samples)
                if arm.role != .base, plan.arms[0].role == .base {
                    row.comparison = Self.comparison(mine, base, resamples: resamples, seed: plan.seed)
                }
                rows.append(row)
            }
        }
        Self.correct(&rows)
        self.rows = rows
    }

    private static func share(_ scores: [Score]) -> Double { Double(scores.count(where: \.isCorrect)) / Double(scores.count) }

    private static func row(_ arm: Arm, _ data: String, _ strata: [[[Score]]], samples: Int) -> Row {
        let means = strata.map { PassRate.mean($0.map(share)) }
        let all = strata.flatMap { $0.flatMap(\.self) }
        let ks = sequence(first: 2) { $0 * 2 }.prefix { $0 <= samples }
        let tokens = all.map { Double($0.tokens) }.sorted()
        return Row(
            arm: arm.name, role: arm.role.label, data: data, problems: strata.reduce(0) { $0 + $1.count },
            passAt1: means.reduce(0) { $0 + $1.value } / Double(means.count), standardError: together(means.map { $0.standardError }),
            passAtK: ks.map { k in
                let values = strata.map { problems in
                    problems.reduce(0) {
                        $0 + (PassRate.atLeastOne(of: k, samples: samples, correct: $1.count(where: \.isCorrect)) ?? 0)
                    } / Double(problems.count)
                }
                return PassAt(k: k, value: values.reduce(0, +) / Double(values.count))
            }, meanTokens: tokens.reduce(0, +) / Double(tokens.count), medianTokens: PairedTests.quantile(tokens, 0.5),
            truncatedShare: Double(all.count(where: \.isTruncated)) / Double(all.count),
            unansweredShare: Double(all.count { !$0.hasAnswer }) / Double(all.count))
    }

    /// The standard error of a mean over independent parts.
    private static func together(_ errors: [Double?]) -> Double? {
        var sum = 0.0
        for error in errors {
            guard let error else { return nil }
            sum += error * error
        }
        return sum.squareRoot() / Double(errors.count)
    }

    private static func comparison(_ mine: [[[Score]]], _ base: [[[Score]]], resamples: Int, seed: UInt64) -> Comparison {
        let strata = zip(mine, base).map { zip($0, $1).map { share($0) - share($1) } }
        let means = strata.map { PassRate.mean($0) }
        let bootstrap = PairedTests.bootstrap(strata, resamples: resamples, seed: seed)
        let differences = strata.flatMap(\.self)
        let (better, worse) = (differences.count { $0 > 0 }, differences.count { $0 < 0 })
        return Comparison(
            difference: means.reduce(0) { $0 + $1.value } / Double(means.count), standardError: together(means.map { $0.standardError }),
            low: bootstrap.low, high: bootstrap.high, bootstrapP: bootstrap.p, better: better, worse: worse,
            mcnemarP: PairedTests.mcNemar(better: better, worse: worse))
    }

    /// Holm's correction over all comparisons of the report, for each test.
    private static func correct(_ rows: inout [Row]) {
        let compared = rows.indices.filter { rows[$0].comparison != nil }
        let bootstrap = PairedTests.holm(compared.compactMap { rows[$0].comparison?.bootstrapP })
        let mcnemar = PairedTests.holm(compared.compactMap { rows[$0].comparison?.mcnemarP })
        for (place, index) in compared.enumerated() {
            rows[index].comparison?.bootstrapPHolm = bootstrap[place]
            rows[index].comparison?.mcnemarPHolm = mcnemar[place]
        }
    }

    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
