import Tensors

/// What a weight matrix does in the model; decides how many bits it gets.
package enum MatrixRole: String, Sendable, CaseIterable, CustomStringConvertible {
    /// Query, key and value projections, stacked.
    case qkv
    case attentionOutput = "attention output"
    /// Gate and up projections, stacked.
    case gateUp = "gate and up"
    case down
    case head
    /// Looked up row by row, never multiplied.
    case embedding

    package var description: String { rawValue }
}

/// Which format each matrix gets: the one place to change it.
///
/// The formats were chosen by the mean KL divergence of the next-token distribution, see docs/performance.md: at 8 bits activations cost more
/// than weights, and turning both inside their group takes most of that; at 4 bits minima and searched scales count most.
package struct WeightRecipe: Sendable {
    /// A row of the table: what a user's choice means for every matrix that is multiplied.
    package struct Entry: Sendable {
        package var qkv: MatrixFormat
        package var attentionOutput: MatrixFormat
        package var gateUp: MatrixFormat
        package var down: MatrixFormat
        package var head: MatrixFormat
        /// How scales are found.
        package var effort: WeightSearch.Effort

        init(
            qkv: MatrixFormat, attentionOutput: MatrixFormat, gateUp: MatrixFormat, down: MatrixFormat, head: MatrixFormat,
            effort: WeightSearch.Effort
        ) {
            (self.qkv, self.attentionOutput, self.gateUp, self.down) = (qkv, attentionOutput, gateUp, down)
            (self.head, self.effort) = (head, effort)
        }

        init(all format: MatrixFormat, effort: WeightSearch.Effort) {
            self.init(qkv: format, attentionOutput: format, gateUp: format, down: format, head: format, effort: effort)
        }
    }

    private static let int8 = MatrixFormat.quantised(.int8Group64Rotated)
    private static let int4 = MatrixFormat.quantised(.int4TwoLevel)

    package static func entry(_ format: WeightFormat) -> Entry {
        switch format {
        case .f32: Entry(all: .f32, effort: .nearest)
        case .bf16: Entry(all: .bf16, effort: .nearest)
        case .int8: Entry(all: int8, effort: .nearest)
        case .int4: Entry(qkv: int4, attentionOutput: int4, gateUp: int4, down: int4, head: int4, effort: .leastError)
        }
    }

    /// The format of a matrix whose checkpoint does not hold blocks that fit better (see `WeightPlan`).
    package static func matrix(_ format: WeightFormat, _ role: MatrixRole) -> MatrixFormat {
        let entry = entry(format)
        return switch role {
        case .qkv: entry.qkv
        case .attentionOutput: entry.attentionOutput
        case .gateUp: entry.gateUp
        case .down: entry.down
        case .head, .embedding: entry.head
        }
    }

    /// How rows of an embedding that is not the head are kept: as they are stored, but for f32, of which a lookup needs no more than bf16
    /// unless the model is to be f32.
    package static func embedding(_ format: WeightFormat, stored: ElementExpansion) -> ElementExpansion {
        stored == .f32 && format != .f32 ? .bf16 : stored
    }

    /// Whether a tied model reads its embeddings from the packed head instead of keeping a table beside it.
    package static func sharesTiedHead(_ format: WeightFormat) -> Bool { true }
}
