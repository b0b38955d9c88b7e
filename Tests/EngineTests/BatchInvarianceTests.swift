import AdapterRegistry
import Adapters
import Checkpoints
import Foundation
import Models
import RandomModels
import Tensors
import TestRandomness
import Testing

@testable import Engine

/// The promise: a request's logits are bit-equal alone and in any batch, beside any adapters, for any cut of its prompt and
/// any number of threads, on every tier this CPU has.
@Suite struct BatchInvarianceTests {
    static let selections: [[AdapterSelection]] = [
        [],
        [AdapterSelection(name: "lora-all")],
        [AdapterSelection(name: "lora-qv", scale: 0.5)],
        [AdapterSelection(name: "sae", layer: 1, mode: .splice)],
        [AdapterSelection(name: "sae-mlp", mode: .splice)],
        [AdapterSelection(name: "sae", layer: 0, mode: .edit, edits: [LatentEdit(latent: 5, op: .add, value: 3)])],
        [
            AdapterSelection(name: "lora-all", scale: 0.7),
            AdapterSelection(
                name: "sae", layer: 1, mode: .edit,
                edits: [LatentEdit(latent: 17, op: .set, value: 2), LatentEdit(latent: 3, op: .ablate, value: 0)]),
        ],
        [
            AdapterSelection(name: "lora-qv"), AdapterSelection(name: "lora-all", scale: -0.3),
            AdapterSelection(name: "sae", layer: 0, mode: .observe),
        ],
        [AdapterSelection(name: "lora-upper")],
        [AdapterSelection(name: "dora"), AdapterSelection(name: "lora-qv", scale: 0.4)],
        [AdapterSelection(name: "lora-all", scale: 0.5), AdapterSelection(name: "dora", scale: 0.8)],
        [AdapterSelection(name: "lora-top", scale: 0.6), AdapterSelection(name: "sae-mlp", mode: .splice)],
        [AdapterSelection(name: "jumprelu", mode: .splice, top: 3)],
        [AdapterSelection(name: "vectors", scale: 1.5, scope: .generated)],
        [
            AdapterSelection(name: "lora-qv"), AdapterSelection(name: "vectors", scale: -1, layer: 1),
            AdapterSelection(name: "jumprelu", mode: .edit, edits: [LatentEdit(latent: 7, op: .set, value: 2)]),
        ],
        [AdapterSelection(name: "sae", layer: 1, mode: .splice, scope: .think)],
        [AdapterSelection(name: "sae-mlp", mode: .splice, when: ConditionSelection(latent: 11, above: 0.5, adapter: "jumprelu-low"))],
        [
            AdapterSelection(
                name: "jumprelu", mode: .edit, edits: [LatentEdit(latent: 7, op: .set, value: 2)],
                scope: InterventionScope(.generated, isInsideThink: true)),
            AdapterSelection(
                name: "jumprelu", mode: .edit, edits: [LatentEdit(latent: 8, op: .add, value: 3)],
                when: ConditionSelection(latent: 3, above: 0.5)),
        ],
        [
            AdapterSelection(name: "lora-top"),
            AdapterSelection(
                name: "vectors", scale: -1, layer: 1, scope: .think, when: ConditionSelection(latent: 5, above: 0.4, adapter: "jumprelu")),
        ],
    ]

    /// Random tokens, of which now and then one opens or closes `<think>`.
    static func tokens(_ count: Int, using random: inout SeededRandom) -> [Int32] {
        (0..<count).map { _ in
            Int.random(in: 0..<12, using: &random) == 0
                ? Int32.random(in: ByteTokenizer.think...ByteTokenizer.endOfThink, using: &random)
                : Int32.random(in: 0..<256, using: &random)
        }
    }

    @Test(arguments: WeightFormat.allCases, InstructionSet.available)
    func aloneEqualsTogether(format: WeightFormat, tier: InstructionSet) async throws {
        let seed = SeededRandom.seed()
        var checkpoint = try RandomCheckpoint(seed: seed)
        defer { checkpoint.remove() }
        let world = try World(checkpoint: &checkpoint, format: format)
        var random = SeededRandom(seed: seed)
        var requests: [GenerationRequest] = []
        for index in 0..<32 {
            let adapters = try await world.registry.resolve(Self.selections[index % Self.selections.count])
            let prompt = Self.tokens(Int.random(in: 1...90, using: &random), using: &random)
            var request = GenerationRequest(id: "\(index)", prompt: prompt, adapters: adapters, stop: StopConditions(maxTokens: 6))
            request.sampling.temperature = index % 2 == 0 ? 0 : 1
            request.sampling.seed = UInt64(index)
            request.logprobs = 20
            request.promptLogprobs = 1
            requests.append(request)
        }
        let alone = try await answers(requests, world: world, pool: WorkerPool(threads: 1, instructionSet: tier), oneByOne: true) {
            $0.maxBatchedTokens = 512
        }
        for (threads, chunk) in [(1, 7), (2, 33), (3, 256)] {
            let together = try await answers(
                requests, world: world, pool: WorkerPool(threads: threads, instructionSet: tier), oneByOne: false
            ) {
                $0.maxBatch = 32
                $0.prefillChunk = chunk
                $0.maxBatchedTokens = chunk
            }
            for index in requests.indices {
                #expect(together[index] == alone[index], "request \(index), \(threads) threads, chunks of \(chunk)")
            }
        }
    }

    /// The same below the engine: every bit of every logit of 32 sequences' last rows, all in one pass against each in its own passes.
    @Test(arguments: WeightFormat.allCases, InstructionSet.available)
    func everyLogitBit(format: WeightFormat, tier: InstructionSet) async throws {
        let seed = SeededRandom.seed()
        var checkpoint = try RandomCheckpoint(seed: seed)
        defer { checkpoint.remove() }
        let world = try World(checkpoint: &checkpoint, format: format)
        var random = SeededRandom(seed: seed)
        var sequences: [(tokens: [Int32], adapters: AdapterSet)] = []
        for index in 0..<32 {
            // Rows with equal adapters stand together, as the scheduler puts them.
            let adapters = try await world.registry.resolve(Self.selections[index * Self.selections.count / 32])
            let tokens = Self.tokens(Int.random(in: 1...80, using: &random), using: &random)
            sequences.append((tokens, adapters))
        }
        let together = lastLogits(sequences, chunk: 80, model: world.model, pool: WorkerPool(threads: 3, instructionSet: tier))
        let pool = WorkerPool(threads: 1, instructionSet: tier)
        for (index, sequence) in sequences.enumerated() {
            let alone = lastLogits([sequence], chunk: 1 + index, model: world.model, pool: pool)
            #expect(together[index] == alone[0], "sequence \(index) in chunks of \(1 + index)")
        }
    }

    /// Bit patterns of the logits after each sequence's last token; every pass reads up to `chunk` tokens of each.
    private func lastLogits(
        _ sequences: [(tokens: [Int32], adapters: AdapterSet)], chunk: Int, model: any LanguageModel, pool: WorkerPool
    ) -> [[UInt32]] {
        let workspace = Workspace()
        let plan = BatchPlan()
        let blocksEach = 3
        let cache = KVCache(
            layout: model.config.kvLayout(KVFormat(for: model.format)), layers: model.config.layers,
            blockCount: blocksEach * sequences.count)
        let tables = sequences.indices.map { index in
            BlockTable((0..<Int32(blocksEach)).map { $0 * Int32(sequences.count) + Int32(index) })
        }
        var result = [[UInt32]](repeating: [], count: sequences.count)
        for start in stride(from: 0, to: sequences.map(\.tokens.count).max() ?? 0, by: chunk) {
            plan.removeAll()
            var owners: [Int] = []
            let inside = sequences.map { sequence in
                var isOpen = false
                return sequence.tokens.map { EngineHarness.thinkTags.read($0, isOpen: &isOpen) }
            }
            for (index, sequence) in sequences.enumerated() {
                for position in start..<max(start, min(start + chunk, sequence.tokens.count)) {
                    let isLast = position == sequence.tokens.count - 1
                    if isLast { owners.append(index) }
                    plan.append(
                        token: sequence.tokens[position], position: position, promptLength: sequence.tokens.count,
                        blockTable: UnsafePointer(tables[index].blocks), adapters: sequence.adapters, wantsOutput: isLast,
                        isInsideThink: inside[index][position])
                }
            }
            plan.observations.begin(rows: plan.rowCount)
            let mark = workspace.mark()
            let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
            let logits = model.logits(hidden, pool: pool, workspace: workspace)
            for (row, owner) in owners.enumerated() {
                result[owner] = UnsafeBufferPointer(start: logits.row(row), count: logits.columns).map(\.bitPattern)
            }
            workspace.release(mark)
        }
        return result
    }

    private func answers(
        _ requests: [GenerationRequest], world: World, pool: WorkerPool, oneByOne: Bool, settings change: (inout EngineSettings) -> Void
    ) async throws -> [Answer] {
        var settings = EngineSettings(contextLength: 256, kvTokens: 32 * 128)
        change(&settings)
        let engine = Engine(
            model: world.model, tokenizer: EngineHarness.tokenizer, settings: settings, pool: pool)
        defer { Task { await engine.shutdown() } }
        if oneByOne {
            var answers: [Answer] = []
            for request in requests { answers.append(await Answer(try engine.submit(request))) }
            return answers
        }
        let streams = try requests.map { try engine.submit($0) }
        return await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, stream) in streams.enumerated() { group.addTask { (index, await Answer(stream)) } }
            var answers = [Int: Answer]()
            for await (index, answer) in group { answers[index] = answer }
            return requests.indices.map { answers[$0]! }
        }
    }

    /// A random model with LoRAs on all and on upper layers, four SAEs and steering vectors.
    struct World {
        let model: any LanguageModel
        let registry: AdapterRegistry

        init(checkpoint: inout RandomCheckpoint, format: WeightFormat) throws {
            let folder = try checkpoint.model()
            try checkpoint.lora(
                "lora-all", rank: 4, modules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
            try checkpoint.lora("lora-qv", rank: 19, modules: ["q_proj", "v_proj"])
            try checkpoint.lora("lora-upper", rank: 4, modules: ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"], from: 1)
            try checkpoint.lora("lora-top", rank: 3, modules: ["o_proj", "gate_proj"], from: 2)
            try checkpoint.lora("dora", rank: 5, modules: ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"], dora: true)
            try checkpoint.sae("sae", hookpoints: ["layers.0", "layers.1"])
            try checkpoint.sae("sae-mlp", hookpoints: ["layers.2.mlp"])
            try checkpoint.saelens("jumprelu", hook: "blocks.1.hook_resid_post")
            try checkpoint.steering("vectors", hookpoints: ["layers.0.mlp", "layers.1"])
            try checkpoint.saelens("jumprelu-low", hook: "blocks.0.hook_resid_post")
            let opened = try Checkpoint.open(path: folder.path)
            let config = try ModelConfig.read(opened)
            let weights = try WeightReader(checkpoint: opened, config: config)
            let pool = WorkerPool(threads: 1)
            model = try Decoder.load(config: config, weights: weights, format: format, pool: pool) { _ in }
            registry = try AdapterRegistry(
                folder: checkpoint.folder.appendingPathComponent("adapters"), shape: config.shape, format: format, base: weights,
                baseName: "base")
        }
    }
}
