/// Projections of a block that are packed as one matrix, so that each step reads their input once.
package enum PackedStack: String, Sendable, CaseIterable {
    /// Query, key and value.
    case qkv
    case attentionOutput
    /// Gate and up; up alone where there is no gate.
    case gateUp
    case down

    private var modules: [ProjectionModule] {
        switch self {
        case .qkv: [.q, .k, .v]
        case .attentionOutput: [.o]
        case .gateUp: [.gate, .up]
        case .down: [.down]
        }
    }

    /// Its projections in an architecture, in the order of its rows.
    package func modules(in weights: WeightTable) -> [ProjectionModule] { modules.filter { weights.holds(.projection($0)) } }

    /// The norm before it; nil where an architecture has none there.
    package func norm(in weights: WeightTable) -> WeightRole? {
        switch self {
        case .qkv: weights.holds(.attentionNorm) ? .attentionNorm : nil
        case .gateUp: weights.holds(.feedForwardNorm) ? .feedForwardNorm : nil
        case .attentionOutput, .down: nil
        }
    }
}
