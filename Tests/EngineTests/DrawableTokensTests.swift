import Foundation
import Tensors
import Testing

@testable import Engine

/// A model with more logits than its tokenizer has tokens.
@Suite struct DrawableTokensTests {
    /// The byte tokenizer's tokens end at 256; a model of 300 has 44 logits that stand for nothing, of which one ends an answer.
    private func engine(_ vocabSize: Int, eosTokens: [Int32] = []) -> Engine {
        var settings = EngineSettings(contextLength: 512, kvTokens: 4096)
        settings.maxBatch = 4
        return Engine(
            model: PrefixHashModel(vocabSize: vocabSize, eosTokens: eosTokens), tokenizer: EngineHarness.tokenizer, settings: settings,
            pool: WorkerPool(threads: 1))
    }

    @Test func idsWithoutATokenAreNeverDrawnNorListed() async throws {
        let padded = engine(300)
        for (number, temperature) in [Float(0), 1, 5].enumerated() {
            let answer = await Answer(
                try padded.submit(
                    EngineHarness.request("padded \(number)", maxTokens: 200) {
                        $0.sampling.temperature = temperature
                        $0.sampling.topK = number == 1 ? 40 : 0
                        $0.logprobs = 300
                        $0.promptLogprobs = 300
                    }))
            let tokens = try #require(answer.tokens[0])
            #expect(tokens.count == 200 && tokens.allSatisfy { $0 < 256 })
            let entries = try #require(answer.logprobs[0]) + (answer.promptLogprobs ?? []).compactMap { $0 }
            for entry in entries {
                #expect(entry.top.count == 256 && entry.top.allSatisfy { $0.id < 256 && $0.logprob.isFinite })
                // What is listed is the whole distribution.
                #expect(abs(entry.top.reduce(0) { $0 + exp($1.logprob) } - 1) < 1e-4)
            }
        }
        await padded.shutdown()
    }

    /// The logits of the model's first 256 ids are the same with and without more behind them, and so is the answer.
    @Test func whatStandsBehindChangesNothing() async throws {
        let (padded, exact) = (engine(300), engine(256))
        for seed in 0..<8 {
            let request = EngineHarness.request("same", maxTokens: 40) {
                $0.sampling.seed = UInt64(seed)
                $0.sampling.topP = seed % 2 == 0 ? 1 : 0.8
                $0.logprobs = 5
            }
            #expect(await Answer(try padded.submit(request)) == Answer(try exact.submit(request)))
        }
        await padded.shutdown()
        await exact.shutdown()
    }

    @Test func aBiasForThemIsRefused() async throws {
        let padded = engine(300)
        for token: Int32 in [256, 299] {
            #expect {
                _ = try padded.submit(EngineHarness.request("bias") { $0.sampling.logitBias = [token: 100] })
            } throws: {
                if case EngineError.invalidParameter("logit_bias", _, _)? = $0 as? EngineError { true } else { false }
            }
        }
        await padded.shutdown()
    }

    /// An end token that the tokenizer does not know still ends answers; the ids before it are gaps.
    @Test func endTokensAreDrawnAndGapsAreNot() async throws {
        let ends = engine(300, eosTokens: [280])
        var ended = 0
        for seed in 0..<40 {
            let answer = await Answer(
                try ends.submit(
                    EngineHarness.request("end", maxTokens: 100) {
                        $0.sampling.seed = UInt64(seed)
                        $0.sampling.temperature = 50
                    }))
            #expect((answer.tokens[0] ?? []).allSatisfy { $0 < 256 })
            if answer.reasons[0] == .stop { ended += 1 }
        }
        // One of 257 nearly equal tokens, in 40 answers of 100.
        #expect(ended > 0)
        await ends.shutdown()
    }
}
