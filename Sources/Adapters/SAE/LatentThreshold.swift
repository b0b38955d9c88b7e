import Foundation
import Tensors

/// Which latents act when each decides for itself, so that their number varies from token to token. `p` is the pre-activation
/// `W_enc u` without bias. Source: SAELens.
///
/// * relu: `a = relu(p + b_enc)`
/// * jumprelu: the same where `p + b_enc > threshold`, else 0
/// * gated: `a = relu(p * exp(r_mag) + b_mag)` where `p + b_gate > 0`, else 0
final class LatentThreshold: Sendable {
    /// b_enc, or b_gate. `[M]`, like the others.
    private let bias: AlignedBuffer<Float>
    /// Jumprelu's; empty for the others.
    private let threshold: AlignedBuffer<Float>
    /// Gated: exp(r_mag) and b_mag; empty for the others.
    private let magnitudeScale: AlignedBuffer<Float>
    private let magnitudeBias: AlignedBuffer<Float>

    /// Relu.
    init(bias: consuming AlignedBuffer<Float>) {
        self.bias = bias
        threshold = AlignedBuffer(count: 0)
        magnitudeScale = AlignedBuffer(count: 0)
        magnitudeBias = AlignedBuffer(count: 0)
    }

    /// Jumprelu.
    init(bias: consuming AlignedBuffer<Float>, threshold: consuming AlignedBuffer<Float>) {
        self.bias = bias
        self.threshold = threshold
        magnitudeScale = AlignedBuffer(count: 0)
        magnitudeBias = AlignedBuffer(count: 0)
    }

    /// Gated.
    init(gateBias: consuming AlignedBuffer<Float>, magnitude: consuming AlignedBuffer<Float>, magnitudeBias: consuming AlignedBuffer<Float>)
    {
        for latent in 0..<magnitude.count { magnitude.pointer[latent] = exp(magnitude.pointer[latent]) }
        bias = gateBias
        threshold = AlignedBuffer(count: 0)
        magnitudeScale = magnitude
        self.magnitudeBias = magnitudeBias
    }

    var byteCount: Int { 4 * (bias.count + threshold.count + magnitudeScale.count + magnitudeBias.count) }

    /// Moves the activations of the acting latents to the front of `row`, which holds the pre-activations `[M]`, and their numbers,
    /// ascending, to `indices`.
    /// - Returns: how many act.
    func select(_ row: UnsafeMutablePointer<Float>, indices: UnsafeMutablePointer<Int32>) -> Int {
        let latents = bias.count
        let bias = bias.pointer
        var count = 0
        // A slot never lies behind the latent it is for, so the row can be overwritten while it is read.
        if magnitudeScale.count > 0 {
            let (scale, offset) = (magnitudeScale.pointer, magnitudeBias.pointer)
            for latent in 0..<latents where row[latent] + bias[latent] > 0 {
                let activation = row[latent] * scale[latent] + offset[latent]
                guard activation > 0 else { continue }
                row[count] = activation
                indices[count] = Int32(truncatingIfNeeded: latent)
                count += 1
            }
        } else if threshold.count > 0 {
            let threshold = threshold.pointer
            for latent in 0..<latents {
                let activation = row[latent] + bias[latent]
                guard activation > 0, activation > threshold[latent] else { continue }
                row[count] = activation
                indices[count] = Int32(truncatingIfNeeded: latent)
                count += 1
            }
        } else {
            for latent in 0..<latents {
                let activation = row[latent] + bias[latent]
                guard activation > 0 else { continue }
                row[count] = activation
                indices[count] = Int32(truncatingIfNeeded: latent)
                count += 1
            }
        }
        return count
    }
}
