import Adapters
import Checkpoints
import Measuring
import Tensors

/// How gradients meet the frozen SAE in the student.
package enum SAEGradient: String, Sendable, CaseIterable {
    /// The hook runs without a gradient, as the published code does: nothing that only acts through it trains.
    case cut
    /// The gradient goes through the reconstruction, as the paper's equations have it.
    case through
}

/// A frozen SAE whose reconstruction replaces a hookpoint's output, with no error term. Keeps what its backward pass needs of the last
/// sequence. Owned by one thread.
package final class SAESplice {
    package let sae: SparseAutoencoder
    package let gradient: SAEGradient
    /// Latent i writes with the decoder row of latent permutation[i]: the control that keeps everything but what latents mean.
    private let permutation: [Int32]?
    private let k: Int
    private let indices: AlignedBuffer<Int32>
    private let activations: AlignedBuffer<Float>
    /// W_skip in f32; empty where there is none or no gradient goes through.
    private let skip: AlignedBuffer<Float>
    /// Rows encoded at once: bounds the scratch [rows, latents].
    private static let portion = 64

    /// - Parameters:
    ///   - rows: the longest sequence.
    ///   - shuffleSeed: shuffles which decoder row each latent writes with.
    /// - Throws: `.badSetting` for transcoders, which read another place, and for `through` where latents act by thresholds of their own or the
    ///   input is normalised.
    package init(_ sae: SparseAutoencoder, gradient: SAEGradient, rows: Int, shuffleSeed: UInt64? = nil) throws(TrainingError) {
        if sae.transcode {
            throw .badSetting(name: "--sae", problem: "is a transcoder; tuning needs an SAE that reconstructs its own input")
        }
        if gradient == .through, !sae.hasPlainGradient {
            throw .badSetting(
                name: "--sae-grad through",
                problem: "is there for top-k and groupmax SAEs without normalisation only, not for \(sae.activation)")
        }
        if shuffleSeed != nil, !sae.activation.hasFixedCount {
            throw .badSetting(name: "--shuffle-sae", problem: "is there for top-k and groupmax SAEs only, not for \(sae.activation)")
        }
        self.sae = sae
        self.gradient = gradient
        permutation = shuffleSeed.map {
            KeyedRandom.permutation(sae.latents, key: KeyedRandom.key($0, .latents, 0)).map { Int32($0) }
        }
        k = gradient == .through ? sae.k : 0
        indices = AlignedBuffer(count: rows * k)
        activations = AlignedBuffer(count: rows * k)
        skip = AlignedBuffer(count: gradient == .through && sae.skip ? sae.width * sae.width : 0)
        if skip.count > 0 {
            for row in 0..<sae.width { sae.copySkipRow(row, into: skip.pointer + row * sae.width) }
        }
    }

    /// A digest of a few of the decoder's rows: tells one SAE from another without reading all of it.
    package var digest: String {
        let sample = StoredMatrix(rows: 16, columns: sae.width)
        for row in 0..<16 { sae.copyDecoderRow(row * sae.latents / 16, into: sample.view.row(row)) }
        return sample.view.elements.withUnsafeBytes { ContentDigest(bytes: $0).description }
    }

    /// Replaces h [T, width].
    func apply(to h: MatrixView, pass: LayerPass) {
        var start = 0
        while start < h.rows {
            let part = h.rows(start..<min(start + Self.portion, h.rows))
            let mark = pass.workspace.mark()
            let latents = sae.encode(part, pool: pass.pool, workspace: pass.workspace)
            if k > 0 {
                (indices.pointer + start * k).update(from: latents.indices, count: part.rows * k)
                (activations.pointer + start * k).update(from: latents.activations, count: part.rows * k)
            }
            if let permutation {
                for slot in 0..<part.rows * latents.k { latents.indices[slot] = permutation[Int(latents.indices[slot])] }
            }
            let reconstruction = pass.workspace.matrix(part.rows, sae.width)
            sae.decode(latents, input: part, into: reconstruction, pool: pass.pool, workspace: pass.workspace)
            part.copy(from: reconstruction)
            pass.workspace.release(mark)
            start += Self.portion
        }
    }

    /// Turns the gradient of the reconstruction into that of what was encoded:
    /// `dx = sum_i [a_i > 0] (W_dec[i] . dy) W_enc[i] (+ W_skip^T dy)`, over the latents the last `apply` selected.
    func backward(_ dy: MatrixView, pass: LayerPass) {
        precondition(gradient == .through)
        let (workspace, pool, width) = (pass.workspace, pass.pool, sae.width)
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let dx = workspace.matrix(dy.rows, width)
        if skip.count > 0 {
            Product.run(dy, times: MatrixView(pointer: skip.pointer, rows: width, columns: width), into: dx, pool: pool)
        } else {
            dx.fill(0)
        }
        let scratch = workspace.matrix(pool.threads, width)
        pool.parallelLanes(dy.rows) { row, lane in
            let line = scratch.row(lane)
            for slot in row * k..<(row + 1) * k where activations.pointer[slot] > 0 {
                let latent = Int(indices.pointer[slot])
                sae.copyDecoderRow(permutation.map { Int($0[latent]) } ?? latent, into: line)
                let slope = RowOperations.dot(line, dy.row(row), count: width, on: pool.instructionSet)
                sae.copyEncoderRow(latent, into: line)
                RowOperations.axpy(slope, line, count: width, to: dx.row(row), on: pool.instructionSet)
            }
        }
        dy.copy(from: dx)
    }
}
