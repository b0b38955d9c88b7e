/// The seven linear maps of a block that a LoRA can change. What they are called in a model's files stands in its `WeightTable`.
package enum ProjectionModule: String, CaseIterable, Sendable, Codable {
    case q = "q_proj"
    case k = "k_proj"
    case v = "v_proj"
    case o = "o_proj"
    /// Of a gated MLP; a plain one has `up` and `down` alone.
    case gate = "gate_proj"
    case up = "up_proj"
    case down = "down_proj"

    /// Whether it belongs to the MLP; else to attention.
    package var isFeedForward: Bool {
        switch self {
        case .q, .k, .v, .o: false
        case .gate, .up, .down: true
        }
    }

    package var inputs: Width {
        switch self {
        case .q, .k, .v, .gate, .up: .hidden
        case .o: .query
        case .down: .ffn
        }
    }

    package var outputs: Width {
        switch self {
        case .q: .query
        case .k, .v: .keyValue
        case .gate, .up: .ffn
        case .o, .down: .hidden
        }
    }

    /// Dense index for tables of `layer * count + index`.
    package var tableIndex: Int {
        switch self {
        case .q: 0
        case .k: 1
        case .v: 2
        case .o: 3
        case .gate: 4
        case .up: 5
        case .down: 6
        }
    }

    package static let count = 7
}
