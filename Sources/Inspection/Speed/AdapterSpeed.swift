import Adapters
import Measuring
import Models
import Tensors
import Workbench

/// What adapters in a batch cost: decode steps with random LoRAs, an SAE and a steering vector against steps of the base model alone, in turn.
package struct AdapterSpeed: Encodable {
    /// What is timed.
    package struct Question {
        package var batches = [1, 16]
        /// Numbers of different LoRAs in the batch; 0 for none.
        package var loras = [1, 4, 16]
        package var rank = 32
        /// Of the SAE; 0 for no SAE.
        package var latents = 65536
        /// Latents that a token selects.
        package var k = 32
        /// Of the SAE and of the steering vector; nil for the middle one.
        package var layer: Int?
        /// Steps of each kind.
        package var turns = 16
        /// Tokens that each sequence has behind it.
        package var context = 128

        package init() {}
    }

    package struct Row: Encodable {
        package let name: String
        package let batch: Int
        package let seconds: [Double]
        /// The base's time over this one's, turn by turn.
        package let shareOfBase: [Double]
    }

    package let model: String
    package let weights: String
    package let adapterWeights: String
    package let threads: Int
    package let loraBytes: Int
    package private(set) var rows: [Row] = []

    /// - Throws: `InspectionError.unusable` for a layer that the model does not have, and what opening the model throws.
    package init(_ question: Question, on bench: Workbench) throws {
        let (pool, settings, shape) = (bench.pool, bench.settings, bench.bundle.config.shape)
        let layer = question.layer ?? (shape.layers - 1) / 2
        guard layer < shape.layers else {
            throw InspectionError.unusable("--layer is \(layer), but the model has \(shape.layers) layers")
        }
        let loaded = try bench.model()
        let counts = question.loras.filter { $0 > 0 }
        let adapters = try (0..<(counts.max() ?? 0)).map { index in
            try RandomAdapters.lora(
                seed: UInt64(index), rank: question.rank, shape: shape, format: settings.adapterFormat, pool: pool)
        }
        let sets = adapters.map { AdapterSet([.lora($0, scale: 1)]) }
        let hooked = try Self.hooked(question, at: .residual(layer: layer), width: shape.hiddenSize, pool: pool)
        let benchmark = ModelBenchmark(
            model: loaded, kv: settings.kvFormat, pool: pool, sequences: question.batches.max() ?? 1,
            positions: question.context + question.turns)
        (model, weights, adapterWeights) = (bench.bundle.name, settings.weights.rawValue, settings.adapterFormat.rawValue)
        (threads, loraBytes) = (pool.threads, adapters.first?.byteCount ?? 0)
        for batch in question.batches {
            var variants: [(name: String, sets: [AdapterSet])] = [("base", [.none])]
            for count in Set(counts.map { min($0, batch) }).sorted() {
                variants.append((count == 1 ? "one LoRA" : "\(count) different LoRAs", Array(sets.prefix(count))))
            }
            for variant in hooked { variants.append((variant.name, [variant.set])) }
            let lists = variants.map(\.sets)
            _ = benchmark.decodeInTurn(batch: batch, context: 1, steps: 1, chunk: 512, variants: lists)
            let times = benchmark.decodeInTurn(
                batch: batch, context: question.context, steps: question.turns, chunk: 512, variants: lists
            ).map { $0.map(\.seconds) }
            for (variant, seconds) in zip(variants, times) {
                rows.append(Row(name: variant.name, batch: batch, seconds: seconds, shareOfBase: zip(times[0], seconds).map { $0 / $1 }))
            }
        }
    }

    private static func hooked(
        _ question: Question, at hookpoint: HookPoint, width: Int, pool: WorkerPool
    ) throws -> [(name: String, set: AdapterSet)] {
        let steering = try Steering(RandomAdapters.steering(at: hookpoint, width: width))
        var variants: [(name: String, set: AdapterSet)] = [("steering vector", AdapterSet([.vector(steering)]))]
        guard question.latents > 0 else { return variants }
        let sae = try RandomAdapters.sae(at: hookpoint, latents: question.latents, k: question.k, width: width, pool: pool)
        func add(_ name: String, _ mode: InterventionMode, _ edits: [LatentEdit] = [], top: Int = 0) throws {
            variants.append((name, AdapterSet([.sae(try Intervention(sae: sae, mode: mode, edits: edits, top: top))])))
        }
        try add("SAE splice", .splice)
        try add("SAE edit, set", .edit, [LatentEdit(latent: 1, op: .set, value: 2)])
        try add("SAE edit, add", .edit, [LatentEdit(latent: 1, op: .add, value: 2)])
        try add("SAE observe, top \(min(8, question.k))", .observe, top: min(8, question.k))
        return variants
    }
}
