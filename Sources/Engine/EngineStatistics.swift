import Tensors

/// Gauges and counters of a running engine, as of its last step.
package struct EngineStatistics: Sendable, Equatable {
    package var waitingRequests = 0
    package var runningSequences = 0
    package var kvBlocksUsed = 0
    package var kvBlocksTotal = 0
    package var promptTokens = 0
    package var generatedTokens = 0
    package var finishedSequences = 0
    package var cancelledSequences = 0
    package var steps = 0
    /// Time spent in steps.
    package var stepSeconds = 0.0

    /// Tokens one KV block holds.
    package var kvBlockTokens: Int { KVLayout.blockTokens }
}
