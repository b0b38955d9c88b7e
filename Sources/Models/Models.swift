// Models: model configurations, the decoder, RoPE, attention and the KV cache.
// It knows nothing about requests or scheduling: what to compute arrives as a `BatchPlan`, an argument of every pass.

// Configurations, of which every user of a model asks something.
@_exported import Architectures
import Tensors

/// A decoder-only language model with its weights packed in memory.
///
/// A pass is pure in the plan and the cache: it holds no state of its own between calls, so sequences may join and leave
/// the batch at every call.
package protocol LanguageModel: Sendable {
    var config: ModelConfig { get }

    /// The format of the weights. That of the KV cache is chosen by whoever makes the cache.
    var format: WeightFormat { get }

    /// Bytes of packed weights.
    var byteCount: Int { get }

    /// Bytes of weights that a step multiplies by, and so reads: all but the embeddings that are looked up row by row.
    var bytesPerStep: Int { get }

    /// Runs every row of `plan` through the decoder, writes their keys and values into `cache`, applies the adapters of each
    /// segment, and returns the normalised hidden states `[plan.outputRows.count, hidden]` of the rows the plan asks for.
    ///
    /// The result lives in `workspace` until the caller releases it.
    func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView

    /// Logits `[rows, vocabulary]` of normalised hidden states `[rows, hidden]`, in `workspace`.
    func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView
}
