import AdapterRegistry
import Adapters
import Engine
import Foundation
import RandomModels
import Tensors
import Testing

@testable import Architectures
@testable import Inspection
@testable import Models

/// What an adapter does to a model's distributions on a text, and what is made of it.
@Suite struct AdapterCheckTests {
    private static let context: [Int32] = "The ferry left the harbour a little after six; nobody counted.".utf8.map { Int32($0) }

    /// The same tokens, scored by an engine and measured without one: KL from one token to the next is the same.
    @Test func driftIsTheEnginesOwn() async throws {
        let world = try World(seed: 3)
        let (model, pool, registry) = (try world.bench.model(), WorkerPool(threads: 2), try world.adapters())
        for selection in [AdapterSelection(name: "lora-upper"), AdapterSelection(name: "sae-mlp", mode: .splice)] {
            let set = try await registry.resolve([selection])
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
        let world = try World(seed: 4)
        let (model, pool, registry) = (try world.bench.model(), WorkerPool(threads: 1), try world.adapters())
        for (name, layer) in [("sae", 0), ("sae-mlp", 2)] {
            let set = try await registry.resolve([AdapterSelection(name: name, layer: layer, mode: .splice)])
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

    /// What the whole check says is what its parts say.
    @Test func aLoRAIsCheckedAlone() async throws {
        let world = try World(seed: 5)
        var question = AdapterCheck.Question(world.place("lora-upper"), sample: SampleText(source: "here", text: World.text))
        question.context = 32
        let check = try await AdapterCheck.run(question, on: world.bench)
        #expect(check.contexts == (0..<3).map { Array(World.text.utf8.map { Int32($0) }[$0 * 32..<($0 + 1) * 32]) })
        #expect(check.summary.kind == .lora && check.differences == [] && check.basePath == nil && check.sample == "here")
        let model = try world.bench.model()
        let set = try await world.adapters().resolve([AdapterSelection(name: "lora-upper")])
        let drift = DistributionDrift.measure(model, with: set, against: model, contexts: check.contexts, pool: world.bench.pool)
        #expect(check.measurements.map(\.meanKl) == [drift.meanKL] && check.measurements.map(\.applied) == ["the LoRA at scale 1"])
        let weights = try #require(check.weights)
        // Of six projections in three blocks those of the lowest are zero.
        #expect((weights.updates, weights.idleUpdates, weights.untouchedBlocks) == (18, 6, 1))
        #expect(try #require(weights.relativeNorm) > 0 && weights.largestRelativeNorm ?? 0 >= weights.relativeNorm ?? 1)
        let json = try JSONEncoder().encode(check)
        #expect(String(decoding: json, as: UTF8.self).contains("\"verdict\":\"\(check.verdict.level.rawValue)\""))
    }

    @Test func everyHookpointIsChecked() async throws {
        let world = try World(seed: 6)
        var question = AdapterCheck.Question(world.place("sae"), sample: SampleText(source: "here", text: World.text))
        #expect(try await AdapterCheck.run(question, on: world.bench).measurements.map(\.hookpoint) == ["layers.0", "layers.1"])
        question.layer = 1
        let check = try await AdapterCheck.run(question, on: world.bench)
        #expect(check.measurements.map(\.applied) == ["the SAE spliced in at layers.1"])
        #expect(check.measurements[0].fvu ?? 0 > 0 && check.measurements[0].latentsSeen ?? 0 > 0 && check.weights == nil)
        question.layer = 2
        await #expect(throws: AdapterError.self) { try await AdapterCheck.run(question, on: world.bench) }
        let vectors = AdapterCheck.Question(world.place("vectors"), sample: question.sample)
        #expect(try await AdapterCheck.run(vectors, on: world.bench).measurements.map(\.applied) == ["the vectors at scale 1"])
    }

    @Test func whatCannotBeUsedIsRefused() async throws {
        let world = try World(seed: 7)
        let sample = SampleText(source: "here", text: World.text)
        let nothing = AdapterCheck.Question(AdapterFolder(folder: world.folder, name: "nothing"), sample: sample)
        let check = try await AdapterCheck.run(nothing, on: world.bench)
        #expect(check.verdict.level == .unfit && check.measurements.isEmpty)
        var question = AdapterCheck.Question(world.place("dora"), sample: sample)
        question.base = "/nowhere"
        await #expect(throws: InspectionError.noBase(path: "/nowhere")) { try await AdapterCheck.run(question, on: world.bench) }
        question.sample = SampleText(source: "here", text: "x")
        await #expect(throws: InspectionError.self) { try await AdapterCheck.run(question, on: world.bench) }
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
    let config = ModelConfig(
        family: .llama, hiddenSize: 2, layers: 1, heads: 1, kvHeads: 1, headDim: 2, ffnSize: 2, vocabSize: 32, contextLength: 4096,
        ropeTheta: 1e4, ropeScaling: nil, rmsEpsilon: 1e-6, qkvBias: false, outputBias: false, mlpBias: false, tiedEmbeddings: true,
        bosToken: nil, eosTokens: [])
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
