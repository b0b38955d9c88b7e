import AdapterRegistry
import Adapters
import Checkpoints
import Foundation
import Models
import Tensors
import TestRandomness
import TestSupport
import Testing

/// Logits against `transformers` in f32 on the same stored weights: plain, with PEFT LoRAs, with sparsify SAEs.
@Suite struct ReferenceLogitsTests {
    private static let models = [
        "qwen2", "llama-tied", "llama3-rope", "llama-bias", "qwen3", "qwen2-window", "gemma", "gemma2", "gemma3", "gemma3-old", "mistral",
        "mistral-full", "gpt2", "gpt-neox", "gpt-neox-serial", "phi3", "phi3-longrope", "olmo2", "llama-linear", "llama-yarn",
        "llama-yarn-mscale", "llama-longrope",
    ]

    @Test(arguments: models, WeightFormat.allCases)
    func tinyModels(name: String, format: WeightFormat) async throws {
        let folder = try ReferenceAnswers.folder("models/\(name)")
        try await compare(
            model: folder.appendingPathComponent("checkpoint"), adapters: folder.appendingPathComponent("adapters"), answers: folder,
            format: format)
    }

    @Test(arguments: WeightFormat.allCases) func smolLM2(format: WeightFormat) async throws {
        try await compare(
            model: ReferenceAnswers.defaultModel(), adapters: ReferenceAnswers.repositoryAdapters,
            answers: ReferenceAnswers.folder("models/smollm2"), format: format)
    }

    private func compare(model path: URL, adapters: URL, answers: URL, format: WeightFormat) async throws {
        let all = try ReferenceAnswers.decode([ReferenceCase].self, answers.appendingPathComponent("cases.json"))
        #expect(all.count > 12)
        // What a format computes is compared in all cases in f32; every third shows that the other formats hold the same weights.
        let step = format == .f32 || LongTests.isOn ? 1 : 3
        let cases = stride(from: 0, to: all.count, by: step).map { all[$0] }
        let wanted = try ReferenceTensors(answers.appendingPathComponent("logits.safetensors"))
        let runner = try ReferenceRunner(
            model: path, adapters: adapters, format: format, context: cases.map(\.tokens.count).max())
        // Quantised formats are judged by `resa doctor --quality`; these bounds catch mistakes, not lost bits. For all cases together, and
        // for each: a case may be one row, and rounding may hit it hard. Activations of 8 bits move SmolLM2's row after
        // "1, 1, 2, 3, 5, 8, 13," by 0.12 on the scalar tier and 0.15 on AVX2.
        let bounds: [WeightFormat: (all: Double, each: Double)] = [
            .f32: (2e-5, 2e-5), .bf16: (2e-2, 4e-2), .int8: (4e-2, 0.2), .int4: (0.3, 0.6),
        ]
        let bound = bounds[format, default: (0, 0)]
        var worst = 0.0
        var total = RelativeError()
        var compared = 0
        var fits = 0
        for reference in cases {
            let result = try await runner.run(reference)
            let agreeing = try result.rowsWithEqualLatents(reference, wanted: wanted)
            var error = RelativeError()
            for (index, row) in result.rows.enumerated() where agreeing.contains(row) {
                let logits = try wanted.floats(reference.name, index)
                error.add(result.logits[index], logits)
                total.add(result.logits[index], logits)
                compared += 1
            }
            if format == .f32, agreeing.count == reference.tokens.count { fits += try result.compareFits(reference, wanted: wanted) }
            worst = max(worst, error.value)
            #expect(error.value < bound.each, "\(reference.name)")
            if format == .f32 || reference.adapters.allSatisfy({ $0.hookpoint == nil }) {
                #expect(agreeing.count == result.rows.count, "\(reference.name): \(agreeing.count) of \(result.rows.count) rows comparable")
            }
        }
        #expect(total.value < bound.all)
        print(
            "ReferenceLogitsTests \(answers.lastPathComponent) \(format): \(compared) rows, relative error \(total.value), worst case \(worst)"
        )
        #expect(compared > cases.count / 2)
        #expect(format != .f32 || fits > 0)
    }
}

/// L2 norm of the difference over the L2 norm of what was wanted.
private struct RelativeError {
    private var difference = 0.0
    private var norm = 0.0

    mutating func add(_ got: [Float], _ wanted: [Float]) {
        for (got, wanted) in zip(got, wanted) {
            difference += Double(got - wanted) * Double(got - wanted)
            norm += Double(wanted) * Double(wanted)
        }
    }

    /// 0 when nothing was added.
    var value: Double { norm > 0 ? (difference / norm).squareRoot() : 0 }
}

/// Runs reference cases through the decoder.
private final class ReferenceRunner {
    private let model: any LanguageModel
    private let registry: AdapterRegistry
    private let pool = WorkerPool(threads: 2)
    private let workspace = Workspace()

    /// - Parameter context: of the longest case, by which LongRoPE chooses as transformers does for it.
    init(model path: URL, adapters: URL, format: WeightFormat, context: Int?) throws {
        let checkpoint = try Checkpoint.open(path: path.path)
        let config = try ModelConfig.read(checkpoint)
        let weights = try WeightReader(checkpoint: checkpoint, config: config)
        model = try Decoder.load(config: config, weights: weights, format: format, context: context, pool: pool) { _ in }
        registry = try AdapterRegistry(folder: adapters, shape: config.shape, format: format, base: weights, baseName: "base")
    }

    /// Reads the case's tokens in chunks of 50, so that no chunk ends where a KV block does.
    func run(_ reference: ReferenceCase) async throws -> ReferenceResult {
        let adapters = try await registry.resolve(try reference.adapters.map { try $0.selection })
        let tokens = reference.tokens
        let blocks = (tokens.count + KVLayout.blockTokens - 1) / KVLayout.blockTokens
        // Out of order, as in a cache that has been used.
        let table = (0..<Int32(blocks)).reversed().map { $0 }
        let cache = KVCache(layout: model.config.kvLayout(KVFormat(for: model.format)), layers: model.config.layers, blockCount: blocks)
        let plan = BatchPlan()
        var result = ReferenceResult()
        let fits = SpliceFits(adapters)
        let tags = reference.think.map { ThinkTags(open: $0[0], close: $0[1]) }
        var isOpen = false
        let inside = tokens.map { tags?.read($0, isOpen: &isOpen) ?? false }
        table.withUnsafeBufferPointer { table in
            for start in stride(from: 0, to: tokens.count, by: 50) {
                plan.removeAll()
                for position in start..<min(start + 50, tokens.count) {
                    plan.append(
                        token: tokens[position], position: position, promptLength: reference.promptLength,
                        blockTable: table.baseAddress!, adapters: adapters,
                        wantsOutput: reference.positions == "all" || position == tokens.count - 1, isInsideThink: inside[position],
                        fits: fits?.pointer)
                }
                plan.observations.begin(rows: plan.rowCount)
                for row in 0..<plan.rowCount { plan.observations.want(row: row) }
                let mark = workspace.mark()
                let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
                let logits = model.logits(hidden, pool: pool, workspace: workspace)
                for (index, row) in plan.outputRows.enumerated() {
                    result.rows.append(start + row)
                    result.logits.append(Array(UnsafeBufferPointer(start: logits.row(index), count: logits.columns)))
                }
                for row in 0..<plan.rowCount { result.readings.append(plan.observations.readings(row: row)) }
                workspace.release(mark)
            }
        }
        for (splice, quality) in zip(adapters.splices, fits?.quality ?? []) { result.fits[splice.hookpoint.description] = quality }
        return result
    }
}

/// Logits at `rows` (positions), and what the interventions read at every position.
private struct ReferenceResult {
    var rows: [Int] = []
    var logits: [[Float]] = []
    var readings: [[LatentReading]] = []
    /// What each splice lost, by hookpoint.
    var fits: [String: SpliceQuality] = [:]

    /// Compares what splices lost with the reference's. Returns how many numbers there were to compare.
    func compareFits(_ reference: ReferenceCase, wanted: ReferenceTensors) throws -> Int {
        var compared = 0
        for (hookpoint, quality) in fits {
            for (fit, wanted) in zip([quality.prompt, quality.generated], try wanted.floats("\(reference.name):\(hookpoint):fvu", 0)) {
                guard wanted >= 0 else {
                    #expect(fit.rows < 2, "\(reference.name)")
                    continue
                }
                let got = try #require(fit.value, "\(reference.name)")
                #expect(abs(got - wanted) < 1e-3 * wanted, "\(reference.name) at \(hookpoint): FVU \(got), wanted \(wanted)")
                compared += 1
            }
        }
        return compared
    }

    /// Rows up to the first position where an SAE selected other latents than the reference's: from there on the two differ for a
    /// reason that is no error (near-equal activations change places under rounding).
    func rowsWithEqualLatents(_ reference: ReferenceCase, wanted: ReferenceTensors) throws -> Set<Int> {
        var agreeing = Set(rows)
        for adapter in reference.adapters {
            guard let hookpoint = adapter.hookpoint, let point = HookPoint(hookpoint) else { continue }
            let name = "\(reference.name):\(hookpoint)"
            for position in reference.tokens.indices {
                guard let reading = readings[position].first(where: { $0.hookpoint == point }) else { continue }
                let activations = try wanted.floats("\(name):activations", position)
                let latents = try wanted.integers("\(name):latents", position)
                let selected = Set(zip(latents, activations).filter { $0.1 > 0 }.map { Int($0.0) })
                if selected != Set(reading.latents.map(\.latent)) {
                    agreeing = agreeing.filter { $0 < position }
                    break
                }
            }
            if let when = adapter.when { agreeing = try rows(agreeing, where: when, at: when.hookpoint ?? hookpoint, reference, wanted) }
        }
        return agreeing
    }

    /// The same for conditions: rows up to the first where rounding has moved an activation over the threshold.
    private func rows(
        _ agreeing: Set<Int>, where when: ReferenceAdapter.When, at hookpoint: String, _ reference: ReferenceCase,
        _ wanted: ReferenceTensors
    ) throws -> Set<Int> {
        for position in reference.tokens.indices {
            guard let reading = readings[position].first(where: { $0.hookpoint.description == hookpoint }) else { continue }
            let activations = try wanted.floats("\(reference.name):\(hookpoint):activations", position)
            let latents = try wanted.integers("\(reference.name):\(hookpoint):latents", position)
            let held = zip(latents, activations).contains { Int($0) == when.latent && $1 > when.above }
            if held != reading.latents.contains(where: { $0.latent == when.latent && $0.activation > when.above }) {
                return agreeing.filter { $0 < position }
            }
        }
        return agreeing
    }
}
