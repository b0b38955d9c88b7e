import Adapters

/// The part of a sequence that every step reads and writes: its tokens, its blocks and how far it is computed.
///
/// Plain memory at a fixed address, reached through a `SequenceHandle`. `Sequence` owns it and everything it points to.
struct SequenceState: BitwiseCopyable {
    /// Prompt and generated tokens; room for all there may ever be.
    let tokens: UnsafeMutablePointer<Int32>
    var tokenCount: Int
    let promptLength: Int
    /// Tokens to generate at most.
    let maxTokens: Int
    /// Tokens whose keys and values are in the cache.
    var computed = 0
    /// The most `computed` has ever been: what is below was computed before and given up.
    var furthest = 0

    /// What was computed for it is no number: it ends in this step, and nothing of the step is kept.
    var isBroken = false

    /// Rows below were counted in `fits`.
    var fitted = 0

    /// KV block of every 32 positions; room for all there may ever be.
    let blocks: UnsafeMutablePointer<Int32>
    var blockCount = 0
    /// Leading blocks that stand in the prefix cache.
    var publishedBlocks = 0
    /// Chained hash of each full block, as far as they were needed.
    let hashes: UnsafeMutablePointer<UInt64>
    var hashedBlocks = 0
    let adapterKey: Int32
    /// Whether an adapter treats prompt and generated tokens differently.
    let distinguishesPrompt: Bool
    /// Tokens that count as the prompt for adapters: the prompt's own, but for an answer that is only scored.
    let promptLengthForAdapters: Int
    /// Whether each token stands inside `<think>`, with room for all; nil when no adapter asks.
    let insideThink: UnsafeMutablePointer<Bool>?
    let thinkTags: ThinkTags
    /// The newest tag opens.
    var isThinking = false
    /// Sums of each splice; nil when there is none.
    let spliceFits: UnsafeMutablePointer<SpliceFit>?
    /// Leading layers that compute what the base model computes.
    let sharedLayers: Int

    /// Order of arrival among running sequences; the latest makes room for others.
    let admission: Int
    let adapters: Unmanaged<AdapterSet>
    let sampler: UnsafeMutablePointer<Sampler>
    /// Log-probabilities of generated tokens are asked for.
    let wantsLogprobs: Bool
    /// Rows of the prompt must be computed and returned, for log-probabilities: all from this position on.
    var wantsPromptLogprobs: Bool
    let firstPromptOutput: Int
    /// The prompt's end is scored: see `Scoring`.
    let isScored: Bool
    /// What interventions read is asked for, of the newest token or of the whole prompt.
    let observes: Bool
    var observesPrompt: Bool
}
