import Testing

@testable import Engine

@Suite struct EngineRequestTests {
    @Test func impossibleRequestsAreRefusedBeforeTheyQueue() async {
        let engine = EngineHarness.engine()
        func refuse(_ request: GenerationRequest, _ wanted: EngineError) {
            #expect(throws: wanted) { _ = try engine.submit(request) }
        }
        refuse(EngineHarness.request(""), .promptEmpty)
        refuse(EngineHarness.request(String(repeating: "x", count: 512)), .promptTooLong(tokens: 512, limit: 512))
        refuse(EngineHarness.request("hi", maxTokens: 511), .tooManyTokens(prompt: 2, wanted: 511, limit: 512))
        refuse(EngineHarness.request("hi") { $0.choices = 17 }, .tooManyChoices(wanted: 17, limit: 16))
        refuse(EngineHarness.request("hi") { $0.prompt = [300] }, .tokenOutOfRange(token: 300, vocabSize: 256))
        for (field, change): (String, (inout SamplingParameters) -> Void) in [
            ("temperature", { $0.temperature = .nan }), ("temperature", { $0.temperature = -1 }), ("top_p", { $0.topP = 0 }),
            ("top_p", { $0.topP = 1.5 }), ("top_k", { $0.topK = -1 }), ("min_p", { $0.minP = 2 }),
            ("repetition_penalty", { $0.repetitionPenalty = 0 }), ("presence_penalty", { $0.presencePenalty = .infinity }),
            ("logit_bias", { $0.logitBias = [256: 1] }),
        ] {
            do {
                _ = try engine.submit(EngineHarness.request("hi") { change(&$0.sampling) })
                Issue.record("\(field) was accepted")
            } catch {
                guard case .invalidParameter(field, _, _) = error else {
                    Issue.record("\(field): \(error)")
                    continue
                }
            }
        }
        await engine.shutdown()
    }

    @Test func zeroTokensReadsThePromptOnly() async throws {
        let engine = EngineHarness.engine()
        let answer = await Answer(
            try engine.submit(EngineHarness.request("read me", maxTokens: 0) { $0.promptLogprobs = 3 }))
        #expect(answer.promptLogprobs?.count == 7)
        #expect(answer.promptLogprobs?[0] == nil)
        #expect(answer.promptLogprobs?.dropFirst().allSatisfy { $0?.top.count == 3 } == true)
        #expect(answer.tokens.isEmpty)
        #expect(answer.reasons == [0: .length])
        await engine.shutdown()
    }

    @Test func promptLogprobsAgreeWithGeneratedOnes() async throws {
        let engine = EngineHarness.engine()
        let written = await Answer(
            try engine.submit(EngineHarness.request("seed text", maxTokens: 60) { $0.logprobs = 2 }))
        let tokens = try #require(written.tokens[0])
        let read = await Answer(
            try engine.submit(
                EngineHarness.request("seed text", maxTokens: 0) {
                    $0.prompt += tokens
                    $0.promptLogprobs = 2
                }))
        #expect(read.promptLogprobs?.suffix(60).map { $0! } == written.logprobs[0])
        await engine.shutdown()
    }

    @Test func endOfSequenceTokensEndAnswersUnlessIgnored() async throws {
        let greedy = EngineHarness.engine()
        let free = await Answer(try greedy.submit(EngineHarness.request("end", maxTokens: 30) { $0.sampling.temperature = 0 }))
        let tokens = try #require(free.tokens[0])
        let stop = tokens[9]
        let first = try #require(tokens.firstIndex(of: stop))
        let engine = EngineHarness.engine(eosTokens: [stop])
        func ask(_ change: @escaping (inout GenerationRequest) -> Void) async throws -> Answer {
            await Answer(
                try engine.submit(
                    EngineHarness.request("end", maxTokens: 30) {
                        $0.sampling.temperature = 0
                        change(&$0)
                    }))
        }
        let ended = try await ask { _ in }
        #expect(ended.tokens[0] ?? [] == Array(tokens[..<first]))
        #expect(ended.reasons == [0: .stop])
        let ignored = try await ask { $0.stop.ignoreEOS = true }
        #expect(ignored.tokens[0] == tokens)
        #expect(ignored.reasons == [0: .length])
        await greedy.shutdown()
        await engine.shutdown()
    }

    @Test func stopStringsCutTheText() async throws {
        let engine = EngineHarness.engine()
        func ask(_ stops: [String], include: Bool = false) async throws -> Answer {
            await Answer(
                try engine.submit(
                    EngineHarness.request("stop", maxTokens: 80) {
                        $0.sampling.temperature = 0
                        // Letters only, so that text and tokens line up.
                        $0.sampling.logitBias = Dictionary(
                            uniqueKeysWithValues: (0..<256).filter { !(97...122).contains($0) }.map { (Int32($0), -1000) })
                        $0.stop.strings = stops
                        $0.stop.includeStopText = include
                    }))
        }
        let whole = try #require(try await ask([]).texts[0])
        #expect(whole.count == 80)
        let stop = String(Array(whole)[20..<23])
        let before = String(whole[..<(try #require(whole.firstRange(of: stop))).lowerBound])
        let cut = try await ask(["never appears", stop])
        #expect(cut.texts[0] == before)
        #expect(cut.reasons == [0: .stop])
        #expect(cut.stopStrings[0] == stop)
        #expect(try await ask([stop], include: true).texts[0] == before + stop)
        #expect(try await ask(["never appears"]).texts[0] == whole)
        await engine.shutdown()
    }
}
