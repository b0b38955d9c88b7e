import Adapters
import JSONText
import Models
import Processes
import Tensors
import Texts

/// Which activations of which text SAEs are trained on, and how.
package struct ExtractSettings: Sendable {
    package var hookpoints: [HookPoint]
    package var trainer: SAETrainerSettings
    /// Chunks of a step.
    package var batch = 16
    package var epochs = 1
    /// Ends earlier than the epochs do; nil for never.
    package var maximumSteps: Int?
    /// Whether each epoch meets the chunks in an order of its own.
    package var shuffles = false
    /// The first tokens of every chunk that are not trained on. Many models keep an attention sink in the first, whose norm is a thousand times
    /// that of others.
    package var skipFirst = 0
    /// Tokens that are not trained on.
    package var excludedTokens: Set<Int32> = []

    package init(hookpoints: [HookPoint], trainer: SAETrainerSettings) { (self.hookpoints, self.trainer) = (hookpoints, trainer) }

    private static let batchTokenLimit = 1 << 22

    /// - Throws: `TrainingError.badSetting`.
    package func check(config: ModelConfig, chunks: TokenChunks, group: ProcessGroup = ProcessGroup()) throws(TrainingError) {
        func require(_ holds: Bool, _ name: String, _ problem: String) throws(TrainingError) {
            if !holds { throw .badSetting(name: name, problem: problem) }
        }
        try require(!hookpoints.isEmpty, "--hookpoint", "is missing")
        try require(Set(hookpoints).count == hookpoints.count, "--hookpoint", "names one place twice")
        for hookpoint in hookpoints {
            try require(
                hookpoint.layer < config.layers, "--hookpoint", "is \(hookpoint), but the model has layers 0 to \(config.layers - 1)")
        }
        try require(
            chunks.length <= config.contextLength, "--length",
            "is \(chunks.length), but the model was trained for contexts of \(config.contextLength)")
        try require(epochs > 0, "--epochs", "is \(epochs), but must be 1 or more")
        try require(maximumSteps ?? 1 > 0, "--max-steps", "is \(maximumSteps ?? 0), but must be 1 or more")
        try require((0..<chunks.length).contains(skipFirst), "--skip-first", "is \(skipFirst), but chunks have \(chunks.length) tokens")
        try require(
            batch > 0 && chunks.count >= batch, "--batch",
            "is \(batch), but the data has \(chunks.count) chunks of \(chunks.length) tokens; take fewer or shorter ones, or more data")
        try require(
            batch * chunks.length <= Self.batchTokenLimit, "--batch",
            "is \(batch), which makes \(batch * chunks.length) tokens a step; at most \(Self.batchTokenLimit) fit")
        try group.requireShare(ofBatch: batch)
        try trainer.check()
        let places = max(trainer.multiTopK ? 4 * trainer.k : trainer.k, trainer.auxKAlpha > 0 ? config.hiddenSize / 2 : 0)
        try require(
            batch * chunks.length <= Int(UInt32.max) / places, "--batch",
            "is \(batch), which makes more activations than can be numbered; with \(places) a token at most \(Int(UInt32.max) / places) tokens fit"
        )
    }

    /// Layers that have to be run to reach every hookpoint.
    package var layerCount: Int { (hookpoints.map(\.layer).max() ?? 0) + 1 }

    /// Which chunks the steps take; settings that were checked are taken for granted.
    package func order(_ chunks: TokenChunks) -> ChunkOrder {
        ChunkOrder(
            count: chunks.count, batch: batch, epochs: epochs, maximumSteps: maximumSteps, seed: shuffles ? trainer.seed : nil)
    }

    /// By name, for telling whether a checkpoint belongs to the same run, and for the manifest.
    func facts() -> JSONObject {
        var facts: JSONObject = [
            "hookpoints": .array(hookpoints.map { .string("\($0)") }), "batch": .int(batch), "epochs": .int(epochs),
            "max_steps": maximumSteps.map { .int($0) } ?? .null, "shuffles": .bool(shuffles), "skip_first": .int(skipFirst),
            "excluded_tokens": .array(excludedTokens.sorted().map { .int(Int($0)) }),
        ]
        for (name, value) in trainer.facts() { facts[name] = value }
        return facts
    }
}
