import Tensors

/// A sparse autoencoder (or transcoder) at one hookpoint, loaded and packed. Immutable.
///
/// `z = relu(W_enc (x - b_dec) + b_enc)`, where a transcoder does not subtract `b_dec`; of `z` the `k` largest are kept (top-k), the
/// largest of each of `k` equal groups (groupmax), or those that pass a threshold of their own (`LatentThreshold`);
/// `decode = sum_i a_i W_dec[i] + b_dec (+ W_skip x)`. `x` may be normalised first, which decoding undoes (`InputNormalisation`).
/// Sources: sparsify's `SparseCoder`, SAELens.
package final class SparseAutoencoder: Sendable {
    package enum Activation: String, Sendable, CaseIterable {
        case topk, groupmax, relu, jumprelu, gated

        /// Whether every token selects the same number of latents.
        package var hasFixedCount: Bool { self == .topk || self == .groupmax }
    }

    package let name: String
    /// Identifies the exact bytes of the adapter it belongs to.
    package let digest: String
    package let hookpoint: HookPoint
    package let activation: Activation
    /// d: width of the activations it reads and writes.
    package let width: Int
    /// M
    package let latents: Int
    /// Latents selected per token; M, the most there can be, where the number varies.
    package let k: Int
    /// Reads the module's input and predicts its output, instead of reading the output itself.
    package let transcode: Bool

    /// `[M, d]`
    let encoder: EncoderMatrix
    /// Empty where `threshold` holds it.
    let encoderBias: AlignedBuffer<Float>
    /// Nil where a fixed number of latents is selected.
    let threshold: LatentThreshold?
    let normalisation: InputNormalisation
    /// Whether `b_dec` is subtracted from what is encoded.
    let isCentred: Bool
    /// W_dec `[M, d]`
    let decoder: RowTable
    let decoderBias: AlignedBuffer<Float>
    /// W_skip `[d, d]`
    let skipMatrix: PackedMatrix?

    init(
        name: String, digest: String, hookpoint: HookPoint, activation: Activation, k: Int, transcode: Bool, encoder: EncoderMatrix,
        encoderBias: consuming AlignedBuffer<Float>, threshold: LatentThreshold? = nil, normalisation: InputNormalisation = .none,
        isCentred: Bool, decoder: RowTable, decoderBias: consuming AlignedBuffer<Float>, skipMatrix: PackedMatrix?
    ) {
        self.name = name
        self.digest = digest
        self.hookpoint = hookpoint
        self.activation = activation
        self.k = k
        self.transcode = transcode
        width = encoder.width
        latents = encoder.latents
        self.encoder = encoder
        self.encoderBias = encoderBias
        self.threshold = threshold
        self.normalisation = normalisation
        self.isCentred = isCentred
        self.decoder = decoder
        self.decoderBias = decoderBias
        self.skipMatrix = skipMatrix
    }

    /// Whether a linear map of the input is added to what is decoded.
    package var skip: Bool { skipMatrix != nil }

    package var byteCount: Int {
        encoder.byteCount + decoder.byteCount + (skipMatrix?.byteCount ?? 0) + (threshold?.byteCount ?? 0)
            + 4 * (encoderBias.count + width)
    }

    /// Copies row `latent` of W_dec, exactly as stored: the direction that the latent writes.
    package func copyDecoderRow(_ latent: Int, into destination: UnsafeMutablePointer<Float>) {
        decoder.copyRow(latent, into: destination)
    }
}
