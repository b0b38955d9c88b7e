/// The seven linear maps of a block that a LoRA can change.
package enum ProjectionModule: String, CaseIterable, Sendable, Codable {
    case q = "q_proj"
    case k = "k_proj"
    case v = "v_proj"
    case o = "o_proj"
    case gate = "gate_proj"
    case up = "up_proj"
    case down = "down_proj"

    /// The block's submodule that holds it in Hugging Face names.
    package var parent: String {
        switch self {
        case .q, .k, .v, .o: "self_attn"
        case .gate, .up, .down: "mlp"
        }
    }

    /// Dense index for tables of `layer * count + index`.
    var tableIndex: Int {
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

    static let count = 7
}
