import Synchronization
import Tensors

/// Gauges and counters of a running engine, as of its last step.
package struct EngineStatistics: Sendable, Equatable {
    // MARK: Gauges

    /// Requests that have not begun.
    package var waitingRequests = 0
    /// Clients with requests that wait or run.
    package var clients = 0
    package var runningSequences = 0
    /// Sequences that gave their place up and wait to go on.
    package var preemptedSequences = 0
    /// Blocks that sequences hold.
    package var kvBlocksUsed = 0
    /// Blocks that nobody holds, but whose content may be used again.
    package var kvBlocksCached = 0
    package var kvBlocksTotal = 0
    /// What the residual cache holds.
    package var residualCacheBytes = 0
    /// Rows of the last step: tokens computed together.
    package var batchRows = 0
    /// Busy time between the ends of two requests, over the last 32 or so; 0 before the first has ended.
    package var secondsPerRequest = 0.0

    // MARK: Counters

    /// Prompt tokens computed, each once.
    package var promptTokens = 0
    package var generatedTokens = 0
    /// Tokens computed again after a preemption.
    package var recomputedTokens = 0
    /// Prompt tokens looked up in the prefix cache, and those found there.
    package var prefixQueryTokens = 0
    package var prefixHitTokens = 0
    /// Tokens that began above the lowest layers, which others had computed for them.
    package var residualHitTokens = 0
    package var residualEvictions = 0
    /// Layers that rows went through, and those they were spared: a row and a layer count one.
    package var computedLayers = 0
    package var sparedLayers = 0
    package var kvEvictions = 0
    package var preemptions = 0
    package var finishedRequests = 0
    package var finishedSequences = 0
    package var cancelledSequences = 0
    package var steps = 0
    /// Rows of all steps.
    package var rows = 0
    /// Time spent in steps.
    package var stepSeconds = 0.0

    /// Blocks that hold nothing.
    package var kvBlocksFree: Int { kvBlocksTotal - kvBlocksUsed - kvBlocksCached }
    /// Tokens one KV block holds.
    package var kvBlockTokens: Int { KVLayout.blockTokens }
    /// How long the requests that wait now should take to be served.
    package var estimatedWaitSeconds: Double { Double(waitingRequests) * secondsPerRequest }
}

/// The engine's statistics, written by its thread once a step and read by anyone.
final class SharedStatistics: Sendable {
    private let state = Mutex(EngineStatistics())

    func publish(_ statistics: borrowing EngineStatistics) {
        let copy = copy statistics
        state.withLock { $0 = copy }
    }

    var value: EngineStatistics { state.withLock { $0 } }
}
