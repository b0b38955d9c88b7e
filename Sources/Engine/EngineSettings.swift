import Tensors

/// The engine's limits.
package struct EngineSettings: Sendable {
    /// Positions a sequence may have, prompt and answer.
    package var contextLength: Int
    /// Sequences decoded at once.
    package var maxBatch = 16
    /// Positions the KV cache holds, over all sequences.
    package var kvTokens: Int
    /// How keys and values are held; nil follows the weights.
    package var kvFormat: KVFormat?
    /// Sequences that may wait for a place.
    package var queueLimit = 256
    /// Prompt rows in one step while other sequences decode: bounds how long a prompt can hold them up.
    package var prefillChunk = 64
    /// Prompt rows in one step when nothing decodes.
    package var maxPrefillChunk = 256

    package init(contextLength: Int, kvTokens: Int) {
        self.contextLength = contextLength
        self.kvTokens = kvTokens
    }
}
