/// An unowned row-major f32 matrix [rows, columns]; consecutive rows are `stride` elements apart.
package struct MatrixView {
    package let pointer: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    package let stride: Int

    /// `stride` defaults to `columns`.
    package init(pointer: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
        assert(rows >= 0 && columns >= 0 && (rows <= 1 || self.stride >= columns))
    }

    package func rows(_ range: Range<Int>) -> MatrixView {
        assert(range.lowerBound >= 0 && range.upperBound <= rows)
        return MatrixView(pointer: pointer + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    package func columns(_ range: Range<Int>) -> MatrixView {
        assert(range.lowerBound >= 0 && range.upperBound <= columns)
        return MatrixView(pointer: pointer + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        assert(index >= 0 && index < rows)
        return pointer + index * stride
    }

    package subscript(row: Int, column: Int) -> Float {
        get { self.row(row)[column] }
        nonmutating set { self.row(row)[column] = newValue }
    }

    package func fill(_ value: Float) {
        for row in 0..<rows { self.row(row).update(repeating: value, count: columns) }
    }

    /// Copies the elements of `other`, which has the same shape and does not overlap.
    package func copy(from other: MatrixView) {
        assert(other.rows == rows && other.columns == columns)
        for row in 0..<rows { self.row(row).update(from: other.row(row), count: columns) }
    }

    /// The elements, row after row.
    package var elements: [Float] {
        (0..<rows).flatMap { UnsafeBufferPointer(start: row($0), count: columns) }
    }
}
