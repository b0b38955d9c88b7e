import Tensors

/// Where a token's embedding is looked up: a table of its own, or the head of a tied model.
enum TokenEmbeddings: Sendable {
    case table(ElementTable)
    case head(PackedMatrix)

    /// The embedding of `token` as f32.
    func copyRow(_ token: Int, into target: UnsafeMutablePointer<Float>) {
        switch self {
        case .table(let table): table.copyRow(token, into: target)
        case .head(let head): head.copyRow(token, into: target)
        }
    }

    /// Bytes beside the head's.
    var byteCount: Int {
        switch self {
        case .table(let table): table.byteCount
        case .head: 0
        }
    }
}
