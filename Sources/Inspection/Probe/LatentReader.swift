import Adapters
import Models
import Tensors

/// The latents that act at one token, those with an activation above 0 alone. Valid while the reader's visitor runs.
package struct ActiveLatents {
    package let position: Int
    package let indices: UnsafeBufferPointer<Int32>
    package let activations: UnsafeBufferPointer<Float>

    /// 0 where the latent does not act.
    package func activation(of latent: Int32) -> Float {
        for slot in 0..<indices.count where indices[slot] == latent { return activations[slot] }
        return 0
    }
}

/// Reads sequences of tokens with a model, no higher than an SAE's hookpoint, and shows which latents act at each token. Owned by one thread.
package final class LatentReader {
    package let sae: SparseAutoencoder
    private let reader: TextReader
    private let longest: Int
    /// What the SAE encodes, `[longest, width]`.
    private let source: AlignedBuffer<Float>
    private let adapters: AdapterSet

    /// - Parameter longest: tokens of the longest sequence.
    package init(_ sae: SparseAutoencoder, model: any LanguageModel, kv: KVFormat, longest: Int, pool: WorkerPool) {
        (self.sae, self.longest) = (sae, longest)
        reader = TextReader(model, kv: kv, positions: longest, pool: pool)
        source = AlignedBuffer(count: longest * sae.width)
        let (target, width, transcode) = (source.pointer, sae.width, sae.transcode)
        let tap = ActivationTap(at: sae.hookpoint) { output, input, _, _, _ in
            guard let seen = transcode ? input : output else { preconditionFailure("a transcoder needs the MLP's input") }
            MatrixView(pointer: target, rows: seen.rows, columns: width).copy(from: seen)
        }
        adapters = AdapterSet([], taps: [tap])
    }

    /// Rows encoded at once: bounds the scratch `[rows, latents]` to 16 MB as far as one row allows.
    private var portion: Int { max(1, min(64, (4 << 20) / sae.latents)) }

    /// Shows every token of one sequence, in order.
    package func read(_ tokens: [Int32], _ visit: (ActiveLatents) -> Void) {
        precondition(tokens.count <= longest, "a sequence of \(tokens.count) tokens, at most \(longest) were announced")
        reader.read(tokens, keeping: .nothing, adapters: adapters, layers: sae.hookpoint.layer + 1)
        let workspace = reader.workspace
        let rows = MatrixView(pointer: source.pointer, rows: tokens.count, columns: sae.width)
        for start in stride(from: 0, to: tokens.count, by: portion) {
            let part = start..<min(start + portion, tokens.count)
            let mark = workspace.mark()
            let latents = sae.encode(rows.rows(part), pool: reader.pool, workspace: workspace)
            for row in 0..<part.count { visit(active(latents, row: row, position: start + row)) }
            workspace.release(mark)
        }
    }

    /// Moves the slots that select something to the front.
    private func active(_ latents: LatentRows, row: Int, position: Int) -> ActiveLatents {
        let (indices, activations) = (latents.indices(row: row), latents.activations(row: row))
        var count = 0
        for slot in 0..<latents.count(row: row) where activations[slot] > 0 {
            (indices[count], activations[count]) = (indices[slot], activations[slot])
            count += 1
        }
        return ActiveLatents(
            position: position, indices: UnsafeBufferPointer(start: indices, count: count),
            activations: UnsafeBufferPointer(start: activations, count: count))
    }
}
