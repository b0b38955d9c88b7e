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
        func reader(_ model: any LanguageModel) -> TextReader {
            TextReader(model, kv: kvFormat, positions: longest, pool: pool, workspace: workspace)
        }
        let (own, wanted) = (reader(model), reader(reference))
        for (index, context) in contexts.enumerated() {
            let mark = workspace.mark()
            let hidden = own.read(context, keeping: .all, adapters: adapters)
            let referenceHidden = wanted.read(context, keeping: .all, adapters: referenceAdapters)
            drift.add(context, hidden, own, referenceHidden, wanted)
            workspace.release(mark)
            progress(Double(index + 1) / Double(contexts.count))
        }
        return drift
    }

    /// Rows whose logits are held at once.
    private static let tileRows = 32

    private mutating func add(
        _ context: [Int32], _ hidden: MatrixView, _ reader: TextReader, _ referenceHidden: MatrixView, _ reference: TextReader
    ) {
        let workspace = reader.workspace
        for first in stride(from: 0, to: context.count, by: Self.tileRows) {
            let mark = workspace.mark()
            defer { workspace.release(mark) }
            let rows = first..<min(first + Self.tileRows, context.count)
            let (logits, wanted) = (reader.logits(hidden.rows(rows)), reference.logits(referenceHidden.rows(rows)))
            for row in rows {
                let next = row + 1 < context.count ? Int(context[row + 1]) : nil
                add(logits.row(row - first), wanted.row(row - first), count: logits.columns, next: next, reader.pool)
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
