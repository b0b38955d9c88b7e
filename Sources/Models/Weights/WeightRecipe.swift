import Architectures
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

extension PackedStack {
    /// What the packed matrix is for.
    package var role: MatrixRole {
        switch self {
        case .qkv: .qkv
        case .attentionOutput: .attentionOutput
        case .gateUp: .gateUp
        case .down: .down
        }
    }
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
        init(qkv: MatrixFormat, attentionOutput: MatrixFormat, gateUp: MatrixFormat, down: MatrixFormat, head: MatrixFormat) {
            (self.qkv, self.attentionOutput, self.gateUp, self.down, self.head) = (qkv, attentionOutput, gateUp, down, head)
        }

        init(all format: MatrixFormat) {
            self.init(qkv: format, attentionOutput: format, gateUp: format, down: format, head: format)
        }
    }

    package static func entry(_ format: WeightFormat, inputs: Int) -> Entry {
        let int8 = MatrixFormat.quantised(.int8Rotated(inputs: inputs))
        let int4 = MatrixFormat.quantised(.int4TwoLevel)
        return switch format {
        case .f32: Entry(all: .f32)
        case .bf16: Entry(all: .bf16)
        case .int8: Entry(qkv: int8, attentionOutput: int8, gateUp: int8, down: int8, head: int8)
        case .int4: Entry(qkv: int4, attentionOutput: int4, gateUp: int4, down: int4, head: int4)
        }
    }

    /// How scales are found. At 8 bits a search gains nothing.
    package static func search(_ format: WeightFormat) -> WeightSearch { WeightSearch(format == .int4 ? .leastError : .nearest) }

    /// The format of a matrix of so many inputs whose checkpoint does not hold blocks that fit better (see `WeightPlan`).
    package static func matrix(_ format: WeightFormat, _ role: MatrixRole, inputs: Int) -> MatrixFormat {
        let entry = entry(format, inputs: inputs)
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
