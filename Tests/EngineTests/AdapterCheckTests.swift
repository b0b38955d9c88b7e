import AdapterRegistry
import Adapters
import Foundation
import Models
import RandomModels
import Tensors
import Testing

@testable import Engine

/// What an adapter does to a model's distributions on a text, and what is made of it.
@Suite struct AdapterCheckTests {
    private static let context: [Int32] = "The ferry left the harbour a little after six; nobody counted.".utf8.map { Int32($0) }

    /// The same tokens, scored by an engine and measured without one: KL from one token to the next is the same.
    @Test func driftIsTheEnginesOwn() async throws {
        var checkpoint = try RandomCheckpoint(seed: 3)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .f32)
        let (model, pool) = (world.model, WorkerPool(threads: 2))
        for selection in [AdapterSelection(name: "lora-upper"), AdapterSelection(name: "sae-mlp", mode: .splice)] {
            let set = try await world.registry.resolve([selection])
            let context = Self.context
            let drift = DistributionDrift.measure(model, with: set, against: model, contexts: [context], pool: pool)
            var settings = EngineSettings(contextLength: 128, kvTokens: 512)
            settings.kvFormat = .f32
            let engine = Engine(model: model, tokenizer: ByteTokenizer.make(), settings: settings, pool: WorkerPool(threads: 1))
            let request = ScoreRequest(
                id: "score", prompt: [context[0]], answer: Array(context.dropFirst()), variants: [.none, set])
            let scores = try #require(try await engine.score(request))
            await engine.shutdown()
            let kl = try #require(scores[1].divergence)
            // The last position predicts no token of the text, and so is not scored by the engine.
            let own = drift.meanKL * Double(drift.positions) - drift.lastKL
            #expect(abs(own - kl.reduce(0, +)) <= 1e-9 * own && own > 1e-4, "\(selection.name)")
            #expect(drift.positions == context.count)
            let loss = -scores[1].logprobs.reduce(0.0) { $0 + Double($1.logprob) } / Double(scores[1].logprobs.count)
            #expect(abs(drift.perplexity - exp(loss)) < 1e-4 * drift.perplexity)
        }
    }

    @Test func tapsSeeTheBaseModelAndChangeNothing() async throws {
        var checkpoint = try RandomCheckpoint(seed: 4)
        defer { checkpoint.remove() }
        let world = try BatchInvarianceTests.World(checkpoint: &checkpoint, format: .f32)
        let (model, pool) = (world.model, WorkerPool(threads: 1))
        for (name, layer) in [("sae", 0), ("sae-mlp", 2)] {
            let set = try await world.registry.resolve([AdapterSelection(name: name, layer: layer, mode: .splice)])
            guard case .sae(let splice)? = set.applied.first else {
                Issue.record("an SAE was asked for")
                return
            }
            let meter = ReconstructionMeter(splice.sae)
            let drift = DistributionDrift.measure(
                model, against: model, referenceAdapters: AdapterSet([], taps: [meter.tap]), contexts: [Self.context, Self.context],
                pool: pool)
            #expect(drift.meanKL == 0 && drift.sameTop == 1)
            #expect(meter.tokens == 2 * Self.context.count && meter.meanActive <= 8 && meter.meanActive > 0)
            #expect(try #require(meter.fvu) > 0)
        }
    }

    @Test func verdictsSayWhy() {
        var verdict = AdapterVerdict()
        #expect(verdict.level == .fits)
        verdict.judge(fvu: 0.3, meanActive: 4, at: .residual(layer: 2))
        verdict.judge([BaseDifference(subject: .template, text: "a comment", matters: false)])
        #expect(verdict.level == .fits && verdict.reasons == [])
        verdict.judge([BaseDifference(subject: .rope, text: "RoPE differs", matters: true)])
        #expect(verdict.level == .warnings && verdict.reasons.map(\.text) == ["RoPE differs"])
        verdict.judge(fvu: 0.51, meanActive: 4, at: .residual(layer: 2))
        #expect(verdict.level == .warnings && verdict.reasons.count == 2)
        verdict.judge(fvu: 1, meanActive: 4, at: .residual(layer: 2))
        #expect(verdict.level == .unfit && verdict.reasons.last?.text.contains("layers.2") == true)
        for (fvu, active) in [(Float.nan, 3.0), (.infinity, 3), (0.1, 0)] as [(Float, Double)] {
            var other = AdapterVerdict()
            other.judge(fvu: fvu, meanActive: active, at: .mlp(layer: 0))
            #expect(other.level == .unfit)
        }
    }

    /// Logits that are no numbers, none that differ, and such that differ much.
    @Test func driftIsJudged() {
        func level(_ shift: Float, isReconstruction: Bool = false) -> AdapterVerdict.Level {
            let pool = WorkerPool(threads: 1)
            let drift = DistributionDrift.measure(
                ShiftedModel(shift: shift), against: ShiftedModel(shift: 0), contexts: [Array(0..<20)], pool: pool)
            var verdict = AdapterVerdict()
            verdict.judge(drift, of: "the shift", isReconstruction: isReconstruction)
            return verdict.level
        }
        #expect(level(0) == .warnings)
        #expect(level(0, isReconstruction: true) == .fits)
        #expect(level(0.1) == .fits)
        #expect(level(50) == .warnings)
        #expect(level(.nan) == .unfit)
        #expect(level(.infinity) == .unfit)
    }
}

/// Prefers each row's own token, by `shift` more than the token before it.
private final class ShiftedModel: LanguageModel {
    let config = PrefixHashModel(vocabSize: 32).config
    let format = WeightFormat.f32
    let bytesPerStep = 0
    let byteCount = 0
    private let shift: Float

    init(shift: Float) { self.shift = shift }

    func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let hidden = workspace.matrix(plan.outputRows.count, 2)
        for (index, row) in plan.outputRows.enumerated() { hidden[index, 0] = Float(plan.tokens[row]) }
        return hidden
    }

    func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        let logits = workspace.matrix(hidden.rows, 32)
        logits.fill(0)
        for row in 0..<hidden.rows { logits[row, Int(hidden[row, 0])] += shift }
        return logits
    }
}
