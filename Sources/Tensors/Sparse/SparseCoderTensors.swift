/// The tensors of a sparse autoencoder, f32: its parameters, or what an optimiser keeps for each of them.
package final class SparseCoderTensors: Sendable {
    package let latents: Int
    package let width: Int
    /// `[latents, width]`
    package let encoder: AlignedBuffer<Float>
    /// `[latents]`
    package let encoderBias: AlignedBuffer<Float>
    /// `[latents, width]`
    package let decoder: AlignedBuffer<Float>
    /// `[width]`
    package let decoderBias: AlignedBuffer<Float>

    /// Zeros.
    package init(latents: Int, width: Int) {
        (self.latents, self.width) = (latents, width)
        encoder = AlignedBuffer(count: latents * width)
        encoderBias = AlignedBuffer(count: latents)
        decoder = AlignedBuffer(count: latents * width)
        decoderBias = AlignedBuffer(count: width)
    }

    /// Bytes of one such set of tensors.
    package static func byteCount(latents: Int, width: Int) -> Int { (2 * latents * width + latents + width) * MemoryLayout<Float>.stride }
}
