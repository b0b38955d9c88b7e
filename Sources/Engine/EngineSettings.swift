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
    /// Keep the keys and values of what was computed, for later requests that begin the same way.
    package var prefixCache = true
    /// Bytes for what the lower layers made of prefixes, which all adapters share that leave those layers alone; 0 keeps nothing.
    package var residualCacheBytes = 256 << 20

    /// Requests that may wait for a place.
    package var queueLimit = 256
    /// Requests that one client may have waiting; nil for as many as the queue takes.
    package var clientQueueLimit: Int?

    /// Prompt rows in one step while other sequences decode: bounds how long a prompt can hold them up.
    package var prefillChunk = 64
    /// Rows in one step, of prompts and decoding sequences together; a decoding sequence has one, and always gets it.
    package var maxBatchedTokens = 256
    /// The part of the KV cache that must be left when a request joins others, so that those can grow for a while.
    package var admissionReserve = 0.01

    package init(contextLength: Int, kvTokens: Int) {
        self.contextLength = contextLength
        self.kvTokens = kvTokens
    }

    /// Blocks of the KV cache.
    var blocks: Int { KVBlock.count(tokens: kvTokens) }
}
