import AdapterRegistry
import Adapters
import Models
import RandomModels
import Tensors
import Testing

@testable import Engine

/// Requests whose activations leave what numbers can hold end with an error that says so, and nobody beside them can tell.
@Suite struct NotFiniteTests {
    /// Each takes the activations out of f32's range in another way.
    private static let breaking: [(name: String, adapters: [AdapterSelection])] = [
        ("LoRA", [AdapterSelection(name: "lora-all", scale: 1e30)]),
        ("LoRA of queries and values", [AdapterSelection(name: "lora-qv", scale: 3e38)]),
        ("LoRA of upper layers", [AdapterSelection(name: "lora-upper", scale: 1e30)]),
        ("DoRA", [AdapterSelection(name: "dora", scale: 1e30), AdapterSelection(name: "lora-all", scale: 1e25)]),
        ("edit", [AdapterSelection(name: "sae", layer: 1, mode: .edit, edits: [LatentEdit(latent: 5, op: .add, value: 1e38)])]),
        ("edit of the last block", [AdapterSelection(name: "sae-mlp", mode: .edit, edits: [LatentEdit(latent: 3, op: .set, value: 3e38)])]),
        ("steering", [AdapterSelection(name: "vectors", scale: 1e30)]),
        // What the splice puts in its place is finite again.
        (
            "LoRA below a splice",
            [AdapterSelection(name: "lora-all", scale: 1e30), AdapterSelection(name: "sae", layer: 1, mode: .splice)]
        ),
        (
            "steering below a splice",
            [AdapterSelection(name: "vectors", scale: 1e30, layer: 0), AdapterSelection(name: "jumprelu", mode: .splice)]
        ),
    ]

    private struct Run {
        let world: BatchInvarianceTests.World
        let engine: Engine

        init(_ world: BatchInvarianceTests.World, kv: KVFormat? = nil) {
            self.world = world
            var settings = EngineSettings(contextLength: 256, kvTokens: 32 * 128)
            settings.kvFormat = kv
            settings.prefillChunk = 40
            settings.maxBatchedTokens = 100
            engine = Engine(model: world.model, tokenizer: EngineHarness.tokenizer, settings: settings, pool: WorkerPool(threads: 2))
        }

        func request(_ adapters: [AdapterSelection], _ number: Int, prompt: Int = 70) async throws -> GenerationRequest {
            let tokens = (0..<prompt).map { Int32(($0 * 37 + 11) % 251) }
            var request = GenerationRequest(
                id: "\(number)", prompt: tokens, adapters: try await world.registry.resolve(adapters), stop: StopConditions(maxTokens: 12))
            request.sampling.seed = UInt64(number)
            request.sampling.temperature = number % 2 == 0 ? 0 : 1
            request.sampling.topP = number % 3 == 0 ? 0.9 : 1
            request.logprobs = number % 2 == 0 ? 3 : nil
            request.promptLogprobs = number % 4 == 0 ? 1 : nil
            request.choices = number % 5 == 0 ? 3 : 1
            return request
        }
    }

    @Test(arguments: [(WeightFormat.f32, nil), (.bf16, KVFormat.int8), (.int8, nil), (.int8, .int8)] as [(WeightFormat, KVFormat?)])
    func theyFailAndNobodyElseDoes(_ format: WeightFormat, _ kv: KVFormat?) async throws {
        var checkpoint = try RandomCheckpoint(seed: 31)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: format)
        let healthy: [[AdapterSelection]] = [
            [], [AdapterSelection(name: "lora-all")], [AdapterSelection(name: "sae", layer: 1, mode: .splice)],
            [AdapterSelection(name: "vectors", scale: 1)],
        ]
        let alone = Run(world, kv: kv)
        var wanted: [Answer] = []
        for (number, adapters) in healthy.enumerated() {
            wanted.append(await Answer(try alone.engine.submit(try await alone.request(adapters, number))))
        }
        await alone.engine.shutdown()

        let run = Run(world, kv: kv)
        // Twice, because a prefix that was kept must not carry what is broken into a later answer.
        for round in 0..<2 {
            var requests: [GenerationRequest] = []
            for (number, adapters) in healthy.enumerated() { requests.append(try await run.request(adapters, number)) }
            for (number, breaking) in Self.breaking.enumerated() { requests.append(try await run.request(breaking.adapters, 20 + number)) }
            let streams = try requests.map { try run.engine.submit($0) }
            var answers: [Answer] = []
            for (number, stream) in streams.enumerated() {
                answers.append(await Answer(stream, mayFail: number >= healthy.count))
            }
            for number in healthy.indices { #expect(answers[number] == wanted[number], "\(format), round \(round), request \(number)") }
            for (number, breaking) in Self.breaking.enumerated() {
                let answer = answers[healthy.count + number]
                guard case .notFinite(let position, let adapters)? = answer.failure else {
                    Issue.record("\(format), \(breaking.name): \(answer)")
                    continue
                }
                #expect((0..<82).contains(position) && adapters == breaking.adapters.map(\.name), "\(breaking.name)")
                #expect(answer.reasons.isEmpty, "\(breaking.name): finished after it had failed")
            }
        }
        await run.engine.shutdown()
        let statistics = run.engine.statistics
        #expect(statistics.kvBlocksUsed == 0 && statistics.waitingRequests == 0 && statistics.clients == 0)
        #expect(statistics.runningSequences == 0 && statistics.preemptedSequences == 0)
    }

    /// An adapter that only acts on the answer breaks it in the middle.
    @Test func whatBreaksInTheAnswerFailsThere() async throws {
        var checkpoint = try RandomCheckpoint(seed: 32)
        defer { checkpoint.remove() }
        let run = Run(try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .bf16))
        let later = [AdapterSelection(name: "vectors", scale: 1e30, scope: .window(74..<200))]
        for number in [1, 2, 5] {
            let answer = await Answer(try run.engine.submit(try await run.request(later, number)), mayFail: true)
            #expect(answer.failure == .notFinite(position: 74, adapters: ["vectors"]))
            // Tokens 70 to 74 were drawn before.
            #expect(answer.tokens[0]?.count == 5)
        }
        await run.engine.shutdown()
        #expect(run.engine.statistics.kvBlocksUsed == 0)
    }

    @Test func scoresAndReadingsFailToo() async throws {
        var checkpoint = try RandomCheckpoint(seed: 33)
        defer { checkpoint.remove() }
        let run = Run(try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .bf16))
        let (good, bad) = (
            try await run.world.registry.resolve([]),
            try await run.world.registry.resolve([AdapterSelection(name: "lora-all", scale: 1e30)])
        )
        for variants in [[good, bad], [bad, good]] {
            await #expect {
                _ = try await run.engine.score(ScoreRequest(id: "", prompt: [1, 2, 3], answer: [4, 5, 6], variants: variants))
            } throws: {
                if case EngineError.notFinite? = $0 as? EngineError { true } else { false }
            }
        }
        var reading = try await run.request(
            [AdapterSelection(name: "lora-all", scale: 1e30), AdapterSelection(name: "jumprelu", mode: .observe, top: 3)], 1)
        reading.observesPrompt = true
        reading.stop.maxTokens = 0
        let answer = await Answer(try run.engine.submit(reading), mayFail: true)
        #expect(answer.failure == .notFinite(position: 0, adapters: ["lora-all"]))
        await run.engine.shutdown()
    }

    @Test func nothingIsDrawnFromLogitsThatAreNoNumbers() {
        let workspace = Workspace()
        for (temperature, topK, topP) in [(0, 0, 1), (1, 0, 1), (1, 3, 1), (1, 0, 0.5)] as [(Float, Int, Float)] {
            var parameters = SamplingParameters()
            (parameters.temperature, parameters.topK, parameters.topP) = (temperature, topK, topP)
            for bad in [[Float.nan, .nan, .nan, .nan], [1, .infinity, 2, 3], [-.infinity, -.infinity, -.infinity, .nan]] {
                var sampler = Sampler(parameters, seed: 1, choice: 0, prompt: [], maxTokens: 4)
                var row = bad
                #expect(sampler.sample(&row, count: 4, step: 0, on: .scalar, workspace: workspace) == -1, "\(bad), \(parameters)")
            }
        }
    }
}
