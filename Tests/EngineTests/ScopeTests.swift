import AdapterRegistry
import Adapters
import Models
import RandomModels
import Tensors
import Testing

@testable import Engine

/// Scopes inside `<think>`, and scopes that hold nothing; what splices lost.
@Suite struct ScopeTests {
    private static let (think, end) = (ByteTokenizer.think, ByteTokenizer.endOfThink)

    private func splice(_ scope: InterventionScope) -> [AdapterSelection] {
        [AdapterSelection(name: "sae", layer: 1, mode: .splice, scope: scope)]
    }

    private func engine(
        _ world: BatchInvarianceTests.World, tokenizer thinkTags: Bool = true, _ change: (inout EngineSettings) -> Void = { _ in }
    ) -> Engine {
        var settings = EngineSettings(contextLength: 512, kvTokens: 32 * 200)
        change(&settings)
        return Engine(
            model: world.model, tokenizer: ByteTokenizer.make(thinkTags: thinkTags), settings: settings, pool: WorkerPool(threads: 2))
    }

    private func request(_ prompt: [Int32], _ adapters: AdapterSet, maxTokens: Int = 40) -> GenerationRequest {
        var request = GenerationRequest(id: "", prompt: prompt, adapters: adapters, stop: StopConditions(maxTokens: maxTokens))
        request.sampling.seed = 5
        request.logprobs = 5
        request.stop.ignoreEOS = true
        return request
    }

    /// Inside `<think>` is a window, once it is known where the tags stand.
    @Test func insideThinkIsTheWindowBetweenTheTags() async throws {
        var checkpoint = try RandomCheckpoint(seed: 21)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .bf16)
        let engine = engine(world) { $0.prefillChunk = 7 }
        func answer(_ prompt: [Int32], _ scope: InterventionScope, bias: [Int32: Float]) async throws -> Answer {
            var asked = request(prompt, try await world.registry.resolve(splice(scope)))
            asked.sampling.logitBias = bias
            return await Answer(try engine.submit(asked))
        }
        let text = (0..<50).map { Int32($0 * 37 % 251) }
        let neither: [Int32: Float] = [Self.think: -1e6, Self.end: -1e6]
        // Closed in the prompt; opened there and left open, as R1's templates do.
        let closed: [Int32] = Array(text[..<20]) + [Self.think] + Array(text[20..<35]) + [Self.end] + Array(text[35...])
        let opened: [Int32] = text + [Self.think, 10]
        let windows: [(prompt: [Int32], window: Range<Int>)] = [(closed, 21..<36), (opened, 51..<Int(Int32.max))]
        for (prompt, window) in windows {
            let wanted = try await answer(prompt, .window(window), bias: neither)
            #expect(try await answer(prompt, .think, bias: neither) == wanted)
            #expect(try await answer(prompt, .all, bias: neither) != wanted)
            let generated = window.clamped(to: prompt.count..<Int(Int32.max))
            guard !generated.isEmpty else { continue }
            let part = try await answer(prompt, InterventionScope(.generated, isInsideThink: true), bias: neither)
            #expect(try await answer(prompt, .window(generated), bias: neither) == part)
        }
        // Opened by the model, now and then: what comes of it is the definition's, read off the answer.
        let loose: [Int32: Float] = [Self.think: 4, Self.end: 3]
        let own = try await answer(text, .think, bias: loose)
        let tokens = text + (try #require(own.tokens[0]))
        var isOpen = false
        let inside = tokens.indices.filter { EngineHarness.thinkTags.read(tokens[$0], isOpen: &isOpen) && $0 < tokens.count - 1 }
        #expect(!inside.isEmpty && own.spliced.generated[0] == [inside.count])
        await engine.shutdown()
    }

    @Test func nothingInScopeIsAnErrorBeforeAnyToken() async throws {
        var checkpoint = try RandomCheckpoint(seed: 22)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .bf16)
        let (tagged, plain) = (engine(world), engine(world, tokenizer: false))
        let text = (0..<30).map { Int32($0) }
        func problem(
            _ selection: [AdapterSelection], _ maxTokens: Int = 10, prompt: [Int32]? = nil, on engine: Engine
        ) async throws -> String? {
            let asked = request(prompt ?? text, try await world.registry.resolve(selection), maxTokens: maxTokens)
            do {
                _ = try engine.submit(asked)
            } catch {
                guard case .nothingInScope(let adapter, _, let problem) = error else { throw error }
                #expect(adapter == selection[0].name)
                return problem
            }
            return nil
        }
        #expect(try await problem(splice(.think), on: plain)?.contains("<think>") == true)
        #expect(try await problem(splice(.think), on: tagged) == nil)
        #expect(try await problem(splice(InterventionScope(.prompt, isInsideThink: true)), on: tagged) != nil)
        #expect(try await problem(splice(.think), 2, on: tagged) != nil)
        #expect(try await problem(splice(.think), 0, prompt: text + [Self.think, 1], on: tagged) == nil)
        #expect(try await problem(splice(.think), 0, prompt: text + [Self.think], on: tagged) != nil)
        for (scope, maxTokens, isEmpty) in [
            (InterventionScope.generated, 0, true), (.generated, 1, true), (.generated, 2, false), (.window(39..<50), 10, true),
            (.window(38..<50), 10, false), (.window(5..<5), 10, true), (.prompt, 0, false),
            (InterventionScope(.prompt, positions: 30..<40), 10, true), (InterventionScope(.generated, positions: 0..<30), 10, true),
        ] {
            #expect((try await problem(splice(scope), maxTokens, on: plain) != nil) == isEmpty, "\(scope), \(maxTokens) tokens")
            let vector = [AdapterSelection(name: "vectors", scope: scope)]
            #expect((try await problem(vector, maxTokens, on: plain) != nil) == isEmpty, "\(scope), \(maxTokens) tokens")
        }
        await tagged.shutdown()
        await plain.shutdown()
    }

    /// Every token that was computed is counted once: for each choice, after a prefix hit, after making room for others.
    @Test func splicesAreCountedOnce() async throws {
        var checkpoint = try RandomCheckpoint(seed: 23)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .bf16)
        let prompt = (0..<70).map { Int32($0 * 91 % 254) }
        let set = try await world.registry.resolve(splice(.all) + [AdapterSelection(name: "sae-mlp", mode: .splice, scope: .prompt)])
        let (roomy, tight) = (
            engine(world) { $0.prefixCache = false },
            engine(world) {
                $0.kvTokens = 32 * 9
                $0.contextLength = 288
                $0.prefillChunk = 9
            }
        )
        var asked = request(prompt, set, maxTokens: 60)
        asked.choices = 3
        let wanted = await Answer(try roomy.submit(asked))
        #expect(wanted.spliced.prompt == [0: [70, 70], 1: [0, 0], 2: [0, 0]])
        #expect(wanted.spliced.generated == [0: [59, 0], 1: [59, 0], 2: [59, 0]])
        #expect(wanted.fits.values.allSatisfy { $0[0].map { $0 > 0 } == true && $0[1] == nil })
        for answer in try await tight.answers([asked, asked, asked]) {
            #expect(answer == wanted)
            // Whoever made room in the middle of its prompt may have found more of it afterwards.
            let counted = try #require(answer.spliced.prompt[0])
            #expect(counted[0] == counted[1] && (6...70 - answer.cachedTokens.count).contains(counted[0]))
        }
        await tight.shutdown()
        await roomy.shutdown()
        #expect(tight.statistics.preemptions > 0)
    }
}
