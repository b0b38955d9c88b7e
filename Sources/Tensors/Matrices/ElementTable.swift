import Kernels

/// Rows of numbers in the type they are stored in, one row after another, expanded to f32 on look-up: an embedding table.
package final class ElementTable: Sendable {
    package let type: ElementExpansion
    package let rows: Int
    package let columns: Int
    private let storage: WeightStorage

    /// `storage` holds `byteCount(type:rows:columns:)` bytes; `columns` is a multiple of the type's block.
    package init(type: ElementExpansion, rows: Int, columns: Int, storage: WeightStorage) {
        precondition(storage.byteCount == Self.byteCount(type: type, rows: rows, columns: columns))
        (self.type, self.rows, self.columns, self.storage) = (type, rows, columns, storage)
    }

    package static func byteCount(type: ElementExpansion, rows: Int, columns: Int) -> Int {
        precondition(columns % type.blockElements == 0, "ElementTable: \(columns) columns of \(type.rawValue)")
        return rows * (columns / type.blockElements * type.blockBytes)
    }

    package var byteCount: Int { storage.byteCount }

    /// Row `index` as f32.
    package func copyRow(_ index: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(index >= 0 && index < rows, "ElementTable: row \(index) of \(rows)")
        ElementExpansion.expand(type, from: storage.pointer + index * (byteCount / rows), count: columns, into: target)
    }

    /// Rounds `count` numbers to bf16 (nearest even).
    package static func round(_ source: UnsafePointer<Float>, count: Int, toBF16 target: UnsafeMutableRawPointer) {
        resa_round_row(count, count, source, target.assumingMemoryBound(to: UInt16.self))
    }

    /// Rounds `count` numbers to f16 (nearest even).
    package static func round(_ source: UnsafePointer<Float>, count: Int, toF16 target: UnsafeMutableRawPointer) {
        resa_round_half(count, source, target.assumingMemoryBound(to: UInt16.self))
    }
}
