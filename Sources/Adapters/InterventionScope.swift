/// Which tokens of a sequence an intervention touches. A row belongs to the prompt when its position is below the prompt's
/// length, so the last prompt token, whose logits give the first generated token, counts as prompt.
package enum InterventionScope: Sendable, Hashable, CustomStringConvertible {
    case all
    case prompt
    case generated
    /// Absolute positions, from 0.
    case window(Range<Int>)

    @inline(__always)
    package func contains(_ row: RowContext) -> Bool {
        switch self {
        case .all: true
        case .prompt: row.position < row.promptLength
        case .generated: row.position >= row.promptLength
        case .window(let range): range.contains(Int(row.position))
        }
    }

    package var description: String {
        switch self {
        case .all: "all"
        case .prompt: "prompt"
        case .generated: "generated"
        case .window(let range): "\(range.lowerBound)..<\(range.upperBound)"
        }
    }
}
