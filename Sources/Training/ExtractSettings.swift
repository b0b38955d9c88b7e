import Adapters
import Foundation
import JSONText
import Models

/// What `ExtractRun` does: which activations of which text, and how SAEs are trained on them.
package struct ExtractSettings: Sendable {
    package var hookpoints: [HookPoint]
    package var trainer: SAETrainerSettings
    /// Chunks of a step.
    package var batch = 16
    package var epochs = 1
    /// Ends after so many steps, if the data has not ended before.
    package var maxSteps: Int?
    /// The first tokens of every chunk that are not trained on. Many models keep an attention sink in the first, whose norm is a thousand times
    /// that of others.
    package var skipFirst = 0
    /// Tokens that are not trained on.
    package var excludedTokens: Set<Int32> = []
    /// Steps between checkpoints.
    package var saveEvery = 100
    /// The folder to write into.
    package var output: URL
    package var format = ExtractFormat.f32
    /// Told in the manifest.
    package var modelName: String
    package var dataDescription: JSON = .null

    package init(hookpoints: [HookPoint], trainer: SAETrainerSettings, output: URL, modelName: String) {
        (self.hookpoints, self.trainer, self.output, self.modelName) = (hookpoints, trainer, output, modelName)
    }

    /// - Throws: `ExtractError.badSetting`.
    package func check(config: ModelConfig, chunks: TriggerChunks) throws(ExtractError) {
        guard !hookpoints.isEmpty else { throw .badSetting("no hookpoint is given") }
        guard Set(hookpoints).count == hookpoints.count else { throw .badSetting("a hookpoint is given twice") }
        for hookpoint in hookpoints where hookpoint.layer >= config.layers {
            throw .badSetting("hookpoint \(hookpoint): the model has layers 0 to \(config.layers - 1)")
        }
        guard chunks.length <= config.contextLength else {
            throw .badSetting("chunks of \(chunks.length) tokens are longer than the model's context of \(config.contextLength)")
        }
        guard batch > 0, epochs > 0, saveEvery > 0, maxSteps ?? 1 > 0 else {
            throw .badSetting("batch, epochs, steps and the steps between checkpoints must be 1 or more")
        }
        guard (0..<chunks.length).contains(skipFirst) else {
            throw .badSetting("\(skipFirst) tokens of each chunk are skipped, wanted 0 to \(chunks.length - 1)")
        }
        guard chunks.count >= batch else {
            throw .badSetting(
                "the data makes \(chunks.count) chunks of \(chunks.length) tokens, fewer than a batch of \(batch); take a smaller batch, shorter chunks or more data")
        }
        guard batch * chunks.length <= 1 << 22 else {
            throw .badSetting("a batch of \(batch * chunks.length) tokens, the limit is \(1 << 22)")
        }
        try trainer.check(width: config.hiddenSize)
    }

    /// Steps in all: what does not fill a batch at the end of an epoch is left out.
    package func steps(_ chunks: TriggerChunks) -> Int { min(chunks.count / batch * epochs, maxSteps ?? .max) }

    /// What decides the result, beside model and text.
    var json: JSON {
        [
            "hookpoints": .array(hookpoints.map { .string("\($0)") }), "trainer": trainer.json, "batch": .int(batch), "epochs": .int(epochs),
            "max_steps": maxSteps.map { .int($0) } ?? .null, "skip_first": .int(skipFirst),
            "excluded_tokens": .array(excludedTokens.sorted().map { .int(Int($0)) }),
        ]
    }
}
