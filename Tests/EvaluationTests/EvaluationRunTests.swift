import Foundation
import Synchronization
import Testing

@testable import Evaluation

/// Knows its arithmetic: answers `40 + n` rightly unless told otherwise.
private final class Arithmetic: AnswerSource {
    struct Refused: Error {}

    private let asked = Mutex<[AnswerKey]>([])
    private let atOnce = Mutex<(now: Int, most: Int)>((0, 0))
    private let reply: @Sendable (Question) async throws -> ModelAnswer

    init(_ reply: @escaping @Sendable (Question) async throws -> ModelAnswer = { Arithmetic.right($0) }) { self.reply = reply }

    var askedKeys: [AnswerKey] { asked.withLock { $0 } }
    var mostAtOnce: Int { atOnce.withLock(\.most) }

    static func right(_ question: Question) -> ModelAnswer {
        ModelAnswer(
            text: "<think>hm</think>It is \\boxed{\(question.problem.gold)}.", finish: "stop", tokens: 7, applied: question.arm.name)
    }

    func answer(_ question: Question) async throws -> ModelAnswer {
        asked.withLock { $0.append(question.key) }
        atOnce.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        defer { atOnce.withLock { $0.now -= 1 } }
        await Task.yield()
        return try await reply(question)
    }
}

@Suite("Running")
struct EvaluationRunTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "resa-eval-\(UUID().uuidString)").path
    private var file: String { folder + "/answers.jsonl" }
    private static let arms = [Arm.base, Arm(name: "x", role: .adapter)]
    private static let settings = [(name: "temperature", value: "0.6"), (name: "model", value: "m")]

    private func plan(samples: Int = 2, problems: Int = 3, concurrency: Int = 4, arms: [Arm] = EvaluationRunTests.arms, seed: UInt64 = 1)
        -> EvaluationRun.Plan
    {
        EvaluationRun.Plan(
            sets: [.made("a", problems: problems), .made("b", problems: 2)], arms: arms, samples: samples, seed: seed,
            concurrency: concurrency)
    }

    private func run(
        _ plan: EvaluationRun.Plan, _ source: Arithmetic, settings: [(name: String, value: String)] = EvaluationRunTests.settings
    ) async throws -> EvaluationRun {
        let run = try EvaluationRun(plan: plan, folder: folder, settings: settings)
        try await run.run(source)
        return run
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    @Test("every question once, arms side by side, no more at once than allowed; a second run asks nothing")
    func all() async throws {
        defer { remove() }
        let source = Arithmetic()
        do {
            let run = try await run(plan(), source)
            #expect(run.progress.answered == 20 && run.progress.correct == 20 && run.progress.tokens == 140)
            #expect(run.scores.count == 20)
        }
        let asked = source.askedKeys
        #expect(Set(asked).count == 20 && asked.count == 20)
        #expect(source.mostAtOnce <= 4)
        let again = Arithmetic()
        let run = try await run(plan(), again)
        #expect(again.askedKeys.isEmpty)
        #expect(run.progress.answered == 20 && run.progress.found == 20 && run.progress.correct == 20)
    }

    @Test("more samples, problems and arms go on from what is there")
    func growing() async throws {
        defer { remove() }
        _ = try await run(plan(samples: 1, arms: [.base]), Arithmetic())
        let source = Arithmetic()
        _ = try await run(plan(), source)
        #expect(source.askedKeys.count == 15)
        let fewer = try await run(plan(samples: 1), Arithmetic())
        #expect(fewer.progress.answered == 10 && fewer.progress.questions == 10)
    }

    @Test("arms share seeds, samples and problems do not")
    func seeds() async throws {
        defer { remove() }
        let seeds = Mutex<[AnswerKey: UInt64]>([:])
        let source = Arithmetic { question in
            seeds.withLock { $0[question.key] = question.seed }
            return Arithmetic.right(question)
        }
        _ = try await run(plan(), source)
        let all = seeds.withLock(\.self)
        #expect(Set(all.values).count == 10)
        for (key, seed) in all {
            #expect(all[AnswerKey(data: key.data, problem: key.problem, arm: key.arm == "x" ? "none" : "x", sample: key.sample)] == seed)
            #expect(seed < 1 << 53)
        }
        #expect(
            EvaluationRun.seed(1, data: "a", problem: "1", sample: 0) != EvaluationRun.seed(2, data: "a", problem: "1", sample: 0))
    }

    @Test("a torn last line is cut off and asked again, wherever it was torn")
    func torn() async throws {
        defer { remove() }
        _ = try await run(plan(), Arithmetic())
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        let lastLine = try #require(whole.dropLast().lastIndex(of: 0x0A)) + 1
        for cut in [lastLine + 1, lastLine + 20, whole.count - 2, whole.count - 1] {
            try whole.prefix(cut).write(to: URL(fileURLWithPath: file))
            let source = Arithmetic()
            let run = try await run(plan(), source)
            #expect(source.askedKeys.count == 1 && run.progress.answered == 20)
        }
        try whole.prefix(lastLine).write(to: URL(fileURLWithPath: file))
        let source = Arithmetic()
        _ = try await run(plan(), source)
        #expect(source.askedKeys.count == 1)
    }

    @Test("other settings are refused by name, and nothing changes")
    func otherSettings() async throws {
        defer { remove() }
        _ = try await run(plan(), Arithmetic())
        let before = try Data(contentsOf: URL(fileURLWithPath: file))
        func refusal(_ plan: EvaluationRun.Plan, _ settings: [(name: String, value: String)]) -> String {
            do {
                _ = try EvaluationRun(plan: plan, folder: folder, settings: settings)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            refusal(plan(), [("temperature", "1.0"), ("model", "n")]).contains(
                "temperature was '0.6' and is '1.0'; model was 'm' and is 'n'"))
        #expect(refusal(plan(seed: 2), Self.settings).contains("seed was '1' and is '2'"))
        #expect(refusal(plan(problems: 4), Self.settings).contains("data a was"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
    }

    @Test("an adapter that changed under its name is refused")
    func changedAdapter() async throws {
        defer { remove() }
        _ = try await run(plan(samples: 1), Arithmetic())
        let run = try EvaluationRun(plan: plan(), folder: folder, settings: Self.settings)
        #expect(throws: EvaluationError.adapterChanged(arm: "x", was: "x", now: "y")) {
            try run.check(arm: "x", applied: "y")
        }
        try run.check(arm: "x", applied: "x")
        let source = Arithmetic { question in
            var answer = Arithmetic.right(question)
            if question.arm.name == "x" { answer.applied = "y" }
            return answer
        }
        await #expect(throws: EvaluationError.adapterChanged(arm: "x", was: "x", now: "y")) { try await run.run(source) }
    }

    @Test("two at one folder: the second is refused, the first goes on")
    func lock() async throws {
        defer { remove() }
        let first = try EvaluationRun(plan: plan(), folder: folder, settings: Self.settings)
        #expect(throws: EvaluationError.inUse(path: folder)) {
            _ = try EvaluationRun(plan: plan(), folder: folder, settings: Self.settings)
        }
        try await first.run(Arithmetic())
        #expect(first.progress.answered == 20)
    }

    @Test("single failures are counted and asked again; many in a row end the run")
    func failures() async throws {
        defer { remove() }
        let source = Arithmetic { question in
            if question.problem.id == "2", question.arm.name == "x" { throw Arithmetic.Refused() }
            return Arithmetic.right(question)
        }
        do {
            let run = try await run(plan(), source)
            #expect(run.progress.failed == 4 && run.progress.answered == 16)
            #expect(run.failureExample == "Refused()")
        }
        let broken = Arithmetic { _ in throw Arithmetic.Refused() }
        var few = plan(samples: 9, concurrency: 1)
        few.patience = 3
        let run = try EvaluationRun(plan: few, folder: folder, settings: Self.settings)
        await #expect(throws: EvaluationError.gaveUp(failures: 3, example: "Refused()")) { try await run.run(broken) }
        #expect(broken.askedKeys.count == 3)
    }

    @Test("cancelled: what came is kept, and the next run asks the rest")
    func cancelled() async throws {
        defer { remove() }
        let count = Mutex(0)
        let source = Arithmetic { question in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number > 8 { try await Task.sleep(for: .seconds(3600)) }
            return Arithmetic.right(question)
        }
        let answered: Int
        do {
            let run = try EvaluationRun(plan: plan(), folder: folder, settings: Self.settings)
            let task = Task { try await run.run(source) }
            while run.progress.answered < 8 { await Task.yield() }
            task.cancel()
            try await task.value
            answered = run.progress.answered
            #expect(answered == 8 && run.progress.failed == 0)
        }
        let rest = Arithmetic()
        let run = try await run(plan(), rest)
        #expect(rest.askedKeys.count == 12 && run.progress.answered == 20)
    }

    @Test("folders that cannot be used are refused")
    func badFolders() throws {
        defer { remove() }
        func refusal(_ folder: String) -> String {
            do {
                _ = try EvaluationRun(plan: plan(), folder: folder, settings: Self.settings)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal("/dev/null/x").contains("cannot be written"))
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("not json\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(refusal(folder).contains("line 1: is no JSON"))
        try Data("{\"a\": 1}\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(refusal(folder).contains("line 1: is neither a setting nor an answer"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("{\"a\": 1}\n".utf8))
    }

    @Test("answers go to a file, not to a device", .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func device() throws {
        defer { remove() }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "/dev/full")
        #expect(throws: EvaluationError.cannotWrite(path: file, reason: "it is no regular file")) {
            _ = try EvaluationRun(plan: plan(), folder: folder, settings: Self.settings)
        }
    }
}
