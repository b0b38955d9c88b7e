import Models
import RandomModels
import TestRandomness
import Testing

@testable import Engine

/// The scheduler without a model: tokens are made up, and the books are checked after every step.
@Suite struct SchedulerTests {
    @Test(arguments: 0..<6) func theBooksAddUp(round: Int) {
        let seed = SeededRandom.seed() &+ UInt64(round)
        var run = SimulatedRun(seed: seed)
        for step in 0..<1500 {
            run.step(submits: step < 1200)
            let problems = run.problems()
            #expect(problems.isEmpty, "seed \(seed), step \(step): \(problems)")
            if !problems.isEmpty { return }
        }
        var rest = 0
        while !run.scheduler.isIdle, rest < 20_000 {
            run.step(submits: false)
            rest += 1
        }
        #expect(run.scheduler.isIdle, "seed \(seed): \(run.scheduler.running.count) still run, \(run.scheduler.resuming.count) wait")
        #expect(run.scheduler.blocks.used == 0)
        #expect(run.scheduler.queue.clientCount == 0)
        #expect(run.begun + run.neverBegan == run.submitted)
        // What only cached blocks refer to is what the cache holds.
        #expect(run.scheduler.blocks.adapterKeyCount <= 1)
        #expect(run.scheduler.statistics.preemptions > 0 && run.scheduler.blocks.evictions > 0)
        #expect(run.scheduler.statistics.prefixHitTokens > 0 && run.cancelled > 0)
    }

    @Test func promptsShareAStepWithinTheBudget() {
        var settings = EngineSettings(contextLength: 512, kvTokens: 8192)
        settings.maxBatchedTokens = 100
        settings.prefillChunk = 30
        let scheduler = Scheduler(settings: settings, tokenizer: EngineHarness.tokenizer)
        let plan = BatchPlan()
        func submit(_ length: Int) { scheduler.enqueue([SimulatedRun.ticket(prompt: (0..<length).map { Int32($0 % 50 + length) })]) }
        func counts() -> [Int] { (0..<scheduler.scheduledCount).map { scheduler.scheduled[$0].count } }
        func compute() {
            for number in 0..<scheduler.scheduledCount {
                let item = scheduler.scheduled[number]
                item.state.computed += item.count
                if item.state.pending == 0 { item.state.append(1) }
            }
        }
        for length in [40, 25, 60] { submit(length) }
        _ = scheduler.admit()
        scheduler.plan(into: plan)
        // Three prompts in one step; the third gets what is left.
        #expect(counts() == [40, 25, 35])
        compute()
        scheduler.plan(into: plan)
        // Two decode; beside them a prompt gets its chunk.
        #expect(counts() == [1, 1, 25])
        compute()
        submit(200)
        _ = scheduler.admit()
        scheduler.plan(into: plan)
        #expect(counts() == [1, 1, 1, 30])
        #expect(plan.rowCount == 33)
    }
}

/// Random requests against a scheduler with little room.
struct SimulatedRun {
    let scheduler: Scheduler
    private let plan = BatchPlan()
    private var random: SeededRandom
    private var alive: [Ticket] = []
    private(set) var submitted = 0
    private(set) var begun = 0
    private(set) var neverBegan = 0
    private(set) var cancelled = 0

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        var settings = EngineSettings(contextLength: 200, kvTokens: 32 * Int.random(in: 7...12, using: &random))
        settings.maxBatch = Int.random(in: 6...12, using: &random)
        settings.maxBatchedTokens = Int.random(in: 8...100, using: &random)
        settings.prefillChunk = Int.random(in: 1...64, using: &random)
        scheduler = Scheduler(settings: settings, tokenizer: EngineHarness.tokenizer)
    }

    static func ticket(prompt: [Int32], maxTokens: Int = 10, choices: Int = 1, client: String = "") -> Ticket {
        let (_, continuation) = AsyncStream<GenerationEvent>.makeStream()
        let request = EngineHarness.request("", maxTokens: maxTokens) {
            $0.prompt = prompt
            $0.choices = choices
            $0.client = client
        }
        return Ticket(request, continuation: continuation)
    }

    mutating func step(submits: Bool) {
        if submits, Int.random(in: 0..<4, using: &random) == 0 { submit() }
        if Int.random(in: 0..<12, using: &random) == 0, let ticket = alive.randomElement(using: &random) {
            alive.removeAll { $0 === ticket }
            neverBegan += scheduler.cancel([ticket]).count
            cancelled += 1
        }
        retire()
        begun += scheduler.admit().count
        scheduler.plan(into: plan)
        var choices: [Sequence] = []
        for number in 0..<scheduler.scheduledCount {
            let item = scheduler.scheduled[number]
            item.state.computed += item.count
            if item.state.pending == 0 { choices += drawn(scheduler.running[item.index]) }
            scheduler.blocks.publish(item.state)
        }
        scheduler.join(choices)
        retire()
    }

    private mutating func drawn(_ sequence: Sequence) -> [Sequence] {
        sequence.reportPrompt()
        let choices = sequence.pendingChoices > 0 ? scheduler.fork(sequence) { _, _ in } : []
        for each in [sequence] + choices {
            // Few tokens, so that answers meet again in the prefix cache.
            each.state.append(Int32.random(in: 0..<2, using: &random))
            if each.state.generated == each.state.maxTokens { each.finish(.length) }
        }
        return choices
    }

    private mutating func submit() {
        let prompt = (0..<Int.random(in: 1...110, using: &random)).map { _ in Int32(0) }
        let ticket = Self.ticket(
            prompt: prompt + [Int32.random(in: 0..<3, using: &random)], maxTokens: Int.random(in: 1...80, using: &random),
            choices: Int.random(in: 0..<4, using: &random) == 0 ? 3 : 1, client: "\(Int.random(in: 0..<5, using: &random))")
        alive.append(ticket)
        submitted += 1
        scheduler.enqueue([ticket])
    }

    private mutating func retire() {
        for ticket in scheduler.removeFinished() { alive.removeAll { $0 === ticket } }
    }

    func problems() -> [String] {
        var problems = scheduler.blocks.inconsistencies((scheduler.running + scheduler.resuming).map(\.state))
        if scheduler.running.count > scheduler.settings.maxBatch { problems.append("\(scheduler.running.count) run") }
        return problems
    }
}
