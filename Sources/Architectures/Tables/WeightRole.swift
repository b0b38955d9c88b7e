/// What a tensor of a model is for.
package enum WeightRole: Hashable, Sendable {
    case embedding
    /// Learned positions, added to the embedding.
    case positions
    case finalNorm
    /// Nothing of its own in a tied model.
    case head

    /// Stands before query, key and value.
    case attentionNorm
    case projection(ProjectionModule)
    /// Of queries and keys, before they are rotated.
    case queryNorm
    case keyNorm
    /// Of what attention gives, before it is added to the residual stream.
    case attentionOutputNorm
    /// Stands before gate and up.
    case feedForwardNorm
    /// Of what the MLP gives, before it is added to the residual stream.
    case feedForwardOutputNorm

    package static let q = projection(.q)
    package static let k = projection(.k)
    package static let v = projection(.v)
    package static let o = projection(.o)
    package static let gate = projection(.gate)
    package static let up = projection(.up)
    package static let down = projection(.down)

    package var module: ProjectionModule? { if case .projection(let module) = self { module } else { nil } }

    /// Whether every block has one of its own.
    package var isInBlock: Bool {
        switch self {
        case .embedding, .positions, .finalNorm, .head: false
        default: true
        }
    }
}

/// Which of a model's weights: its role, its block, and whether it is the bias.
package struct WeightPlace: Hashable, Sendable {
    package let role: WeightRole
    /// Nil outside the blocks.
    package let layer: Int?
    package let isBias: Bool

    package init(_ role: WeightRole, layer: Int? = nil, isBias: Bool = false) {
        precondition(role.isInBlock == (layer != nil), "\(role) \(layer == nil ? "without" : "with") a layer")
        (self.role, self.layer, self.isBias) = (role, layer, isBias)
    }

    /// The bias that belongs to it.
    package var bias: WeightPlace { WeightPlace(role, layer: layer, isBias: true) }
}
