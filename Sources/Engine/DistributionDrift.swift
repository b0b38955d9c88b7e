import Adapters
import Foundation
import Models
import Tensors

/// How far a model's next-token distributions are from a reference's on the same text: another model's, or its own without adapters.
///
/// The text is cut into contexts, read from position 0 each; every position of every context counts. The divergence is
/// KL(reference || model) = sum p_ref (log p_ref - log p), in nats.
package struct DistributionDrift: Sendable {
    package private(set) var positions = 0
    /// Mean KL over all positions.
    package var meanKL: Double { kl.isEmpty ? 0 : kl.reduce(0, +) / Double(kl.count) }
    /// KL that `share` (0...1) of the positions stay at or below.
    package func quantileKL(_ share: Double) -> Double {
        kl.isEmpty ? 0 : kl.sorted()[min(Int(share * Double(kl.count)), kl.count - 1)]
    }
    /// Share of positions where both find the same token most likely.
    package var sameTop: Double { positions == 0 ? 0 : Double(same) / Double(positions) }
    /// exp of the mean negative log-likelihood of the text's own next tokens.
    package var referencePerplexity: Double { predicted == 0 ? 0 : exp(referenceLoss / Double(predicted)) }
    package var perplexity: Double { predicted == 0 ? 0 : exp(loss / Double(predicted)) }

    /// At the last position that was read.
    var lastKL: Double { kl.last ?? 0 }

    private var kl: [Double] = []
    private var same = 0
    private var predicted = 0
    private var referenceLoss = 0.0
    private var loss = 0.0

    /// Reads every context with both.
    ///
    /// - Parameters:
    ///   - adapters: what the model reads with, and the reference. Every token counts as prompt.
    ///   - contexts: token ids below both models' vocabulary size.
    ///   - kvFormat: how keys and values are held; nil for what goes with each model's weights.
    ///   - progress: hears the fraction done.
    package static func measure(
        _ model: any LanguageModel, with adapters: AdapterSet = .none, against reference: any LanguageModel,
        referenceAdapters: AdapterSet = .none, contexts: [[Int32]], kvFormat: KVFormat? = nil, pool: WorkerPool,
        progress: (Double) -> Void = { _ in }
    ) -> DistributionDrift {
        var drift = DistributionDrift()
        let longest = contexts.map(\.count).max() ?? 0
        let workspace = Workspace()
        let (reader, referenceReader) = (
            ContextReader(model, adapters, positions: longest, kvFormat, pool: pool, workspace: workspace),
            ContextReader(reference, referenceAdapters, positions: longest, kvFormat, pool: pool, workspace: workspace)
        )
        for (index, context) in contexts.enumerated() {
            let mark = workspace.mark()
            let (hidden, referenceHidden) = (reader.read(context), referenceReader.read(context))
            drift.add(context, hidden: hidden, model, referenceHidden: referenceHidden, reference, pool, workspace)
            workspace.release(mark)
            progress(Double(index + 1) / Double(contexts.count))
        }
        return drift
    }

    /// Rows whose logits are held at once.
    private static let tileRows = 32

    private mutating func add(
        _ context: [Int32], hidden: MatrixView, _ model: any LanguageModel, referenceHidden: MatrixView, _ reference: any LanguageModel,
        _ pool: WorkerPool, _ workspace: Workspace
    ) {
        for first in stride(from: 0, to: context.count, by: Self.tileRows) {
            let mark = workspace.mark()
            defer { workspace.release(mark) }
            let rows = first..<min(first + Self.tileRows, context.count)
            let logits = model.logits(hidden.rows(rows), pool: pool, workspace: workspace)
            let wanted = reference.logits(referenceHidden.rows(rows), pool: pool, workspace: workspace)
            for row in rows {
                let next = row + 1 < context.count ? Int(context[row + 1]) : nil
                add(logits.row(row - first), wanted.row(row - first), count: logits.columns, next: next, pool)
            }
        }
    }

    private mutating func add(
        _ logits: UnsafePointer<Float>, _ wanted: UnsafePointer<Float>, count: Int, next: Int?, _ pool: WorkerPool
    ) {
        let comparison = DistributionComparison(logits, against: wanted, count: count, pool: pool)
        kl.append(comparison.divergence)
        positions += 1
        if comparison.sameTop { same += 1 }
        if let next {
            predicted += 1
            referenceLoss += comparison.referenceLogSumExp - Double(wanted[next])
            loss += comparison.logSumExp - Double(logits[next])
        }
    }
}

/// Reads one context at a time into a cache of its own.
private final class ContextReader {
    private let model: any LanguageModel
    private let adapters: AdapterSet
    private let pool: WorkerPool
    private let workspace: Workspace
    private let cache: KVCache
    private let table: AlignedBuffer<Int32>
    private let plan = BatchPlan()

    init(
        _ model: any LanguageModel, _ adapters: AdapterSet, positions: Int, _ kvFormat: KVFormat?, pool: WorkerPool, workspace: Workspace
    ) {
        self.model = model
        self.adapters = adapters
        self.pool = pool
        self.workspace = workspace
        let blocks = KVBlock.count(tokens: positions)
        cache = KVCache(
            layout: model.config.kvLayout(kvFormat ?? KVFormat(for: model.format)), layers: model.config.layers, blockCount: blocks)
        table = AlignedBuffer(count: blocks)
        for block in 0..<blocks { table.pointer[block] = Int32(block) }
    }

    /// Normalised hidden states `[context.count, hidden]`, in the workspace.
    func read(_ context: [Int32]) -> MatrixView {
        plan.removeAll()
        for (position, token) in context.enumerated() {
            plan.append(
                token: token, position: position, promptLength: context.count, blockTable: UnsafePointer(table.pointer), adapters: adapters,
                wantsOutput: true)
        }
        plan.observations.begin(rows: plan.rowCount)
        return model.forward(plan, cache: cache, pool: pool, workspace: workspace)
    }
}
