import Tensors

/// W_enc `[M, d]` in the form that suits how latents are selected.
enum EncoderMatrix: Sendable {
    /// All pre-activations are computed and written.
    case dense(PackedMatrix)
    /// Top-k from 8-bit codes and the exact rows: holds the bias too.
    case shortlisted(LatentEncoder)

    var latents: Int {
        switch self {
        case .dense(let matrix): matrix.outputs
        case .shortlisted(let encoder): encoder.latents
        }
    }

    var width: Int {
        switch self {
        case .dense(let matrix): matrix.inputs
        case .shortlisted(let encoder): encoder.width
        }
    }

    var byteCount: Int {
        switch self {
        case .dense(let matrix): matrix.byteCount
        case .shortlisted(let encoder): encoder.byteCount
        }
    }
}
