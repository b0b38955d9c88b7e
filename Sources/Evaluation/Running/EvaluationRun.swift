import Foundation
import Measuring
import Synchronization

/// Asks every question that has no answer yet, many at a time, and keeps the answers.
///
/// The arms' questions about one problem come right after each other, so that they share a batch, and what they share of the prompt is
/// computed once.
package final class EvaluationRun: Sendable {
    package struct Plan: Sendable {
        package var sets: [ProblemSet]
        package var arms: [Arm]
        /// Samples a problem.
        package var samples: Int
        package var seed: UInt64
        /// Questions under way at once.
        package var concurrency: Int
        /// Failed requests in a row after which the run gives up.
        package var patience = 10

        package init(sets: [ProblemSet], arms: [Arm], samples: Int, seed: UInt64, concurrency: Int) {
            (self.sets, self.arms, self.samples, self.seed, self.concurrency) = (sets, arms, samples, seed, concurrency)
        }

        var questionCount: Int { sets.reduce(0) { $0 + $1.problems.count } * arms.count * samples }
    }

    package struct Progress: Sendable {
        /// Answers that are there, those of earlier runs among them.
        package var answered: Int
        /// Answers of earlier runs.
        package var found: Int
        package var failed: Int
        package var correct: Int
        package var tokens: Int
        package let questions: Int
    }

    private struct State {
        var next = 0
        var progress: Progress
        var scores: ScoreTable
        var failuresInARow = 0
        var stop: (any Error)?
        var example: String?
    }

    private let plan: Plan
    private let log: AnswerLog
    private let graders: [String: [String: MathGrader]]
    private let state: Mutex<State>

    /// Opens the folder of answers and grades those that are there.
    /// - Parameter settings: everything beside problem, arm and sample on which an answer depends.
    /// - Throws: `EvaluationError`.
    package init(plan: Plan, folder: String, settings: [(name: String, value: String)]) throws(EvaluationError) {
        self.plan = plan
        var graders: [String: [String: MathGrader]] = [:]
        var scores = ScoreTable()
        for set in plan.sets {
            graders[set.name] = Dictionary(uniqueKeysWithValues: set.problems.map { ($0.id, MathGrader(gold: $0.gold)) })
        }
        let arms = Set(plan.arms.map(\.name))
        let digests = plan.sets.map { (name: "data \($0.name)", value: $0.digest) }
        log = try AnswerLog(folder: folder, settings: settings + [(name: "seed", value: "\(plan.seed)")] + digests) { record in
            // Answers of other arms and problems stay in the file for a run that asks for them.
            guard arms.contains(record.key.arm), record.key.sample < plan.samples,
                let grader = graders[record.key.data]?[record.key.problem]
            else { return }
            scores.add(record.key, Score(record.answer, grader))
        }
        self.graders = graders
        let found = scores.count
        state = Mutex(
            State(
                progress: Progress(
                    answered: found, found: found, failed: 0, correct: scores.correct, tokens: 0, questions: plan.questionCount),
                scores: scores))
    }

    package var progress: Progress { state.withLock(\.progress) }

    /// What was answered so far.
    package var scores: ScoreTable { state.withLock(\.scores) }

    /// Refuses an arm whose adapter is not the one that earlier answers were given with.
    package func check(arm: String, applied: String) throws(EvaluationError) { try log.check(arm: arm, applied: applied) }

    /// Returns when every question has an answer or has failed. Cancelling the task ends it early; answers that came whole are kept.
    /// - Throws: `EvaluationError` when answers cannot be kept, or when too many requests failed in a row.
    package func run(_ source: any AnswerSource) async throws {
        await withDiscardingTaskGroup { group in
            for _ in 0..<max(1, min(plan.concurrency, plan.questionCount)) {
                group.addTask { while let question = self.claim() { await self.ask(question, source) } }
            }
        }
        try log.sync()
        if let error = state.withLock(\.stop) { throw error }
    }

    /// The message of the first request that failed.
    package var failureExample: String? { state.withLock(\.example) }

    private func claim() -> Question? {
        state.withLock { state in
            while !Task.isCancelled, state.stop == nil, let question = question(at: state.next) {
                state.next += 1
                if !state.scores.contains(question.key) { return question }
            }
            return nil
        }
    }

    /// Samples outermost, arms innermost: an early end leaves whole rounds over the problems.
    private func question(at index: Int) -> Question? {
        guard index < plan.questionCount else { return nil }
        let (problemIndex, armIndex) = (index / plan.arms.count, index % plan.arms.count)
        let problems = plan.sets.reduce(0) { $0 + $1.problems.count }
        let sample = problemIndex / problems
        var rest = problemIndex % problems
        for set in plan.sets {
            if rest >= set.problems.count {
                rest -= set.problems.count
                continue
            }
            let problem = set.problems[rest]
            return Question(
                data: set.name, problem: problem, arm: plan.arms[armIndex], sample: sample,
                seed: Self.seed(plan.seed, data: set.name, problem: problem.id, sample: sample))
        }
        return nil
    }

    /// Depends on nothing but its arguments: not on the order of questions, nor on which other ones are asked. Fits in 53 bits, which every
    /// JSON reader keeps.
    static func seed(_ seed: UInt64, data: String, problem: String, sample: Int) -> UInt64 {
        // FNV-1a over the names, mixed with the rest.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(data)\n\(problem)\n\(sample)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var mixer = SplitMix64(seed: seed)
        var generator = SplitMix64(seed: hash ^ mixer.next())
        return generator.next() >> 11
    }

    private func ask(_ question: Question, _ source: any AnswerSource) async {
        do {
            let answer = try await source.answer(question)
            try log.append(AnswerRecord(key: question.key, seed: question.seed, answer: answer))
            guard let grader = graders[question.data]?[question.problem.id] else { return }
            let score = Score(answer, grader)
            state.withLock { state in
                state.scores.add(question.key, score)
                state.failuresInARow = 0
                state.progress.answered += 1
                state.progress.correct += score.isCorrect ? 1 : 0
                state.progress.tokens += answer.tokens
            }
        } catch let error as EvaluationError {
            state.withLock { $0.stop = $0.stop ?? error }
        } catch {
            if error is CancellationError || Task.isCancelled { return }
            state.withLock { state in
                state.progress.failed += 1
                state.failuresInARow += 1
                state.example = state.example ?? "\(error)"
                if state.failuresInARow >= plan.patience {
                    state.stop = state.stop ?? EvaluationError.gaveUp(failures: state.failuresInARow, example: "\(error)")
                }
            }
        }
    }
}
