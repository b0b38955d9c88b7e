import Adapters
import Checkpoints
import Tensors

/// One projection's `scale * B A`, to be added to rows of W in f32, which DoRA's magnitudes stretch before.
struct LoRAFold {
    private let a: StoredMatrix
    private let b: StoredMatrix
    private let scale: Float
    /// By stored row, what W's are multiplied with; empty without magnitudes.
    private var stretch: [Float] = []

    /// - Parameter place: where row `i` of the projection is stored.
    init(_ update: LoRAUpdate, strength: Float, rows: Int, columns: Int, place: (Int) -> Int = { $0 }) {
        a = StoredMatrix(rows: update.rank, columns: columns)
        b = StoredMatrix(rows: rows, columns: update.rank)
        scale = update.scale * strength
        for row in 0..<update.rank { update.a.copyRow(row, into: a.view.row(row)) }
        for row in 0..<rows { update.b.copyRow(row, into: b.view.row(place(row))) }
        guard let magnitudes = update.magnitudes else { return }
        stretch = Array(repeating: 1, count: rows)
        for row in 0..<rows { stretch[place(row)] += strength * magnitudes.gain.pointer[row] }
    }

    /// Adds the update of stored rows `rows` to `values`, which holds them.
    func add(_ rows: Range<Int>, to values: MatrixView, pool: WorkerPool) {
        if !stretch.isEmpty {
            for (index, row) in rows.enumerated() {
                for column in 0..<values.columns { values[index, column] *= stretch[row] }
            }
        }
        Product.run(b.view.rows(rows), times: a.view, into: values, scale: scale, add: true, pool: pool)
    }
}

extension LoRAFold {
    /// Writes rows of a tensor with the update added, a portion at a time, as `type`: f32, f16 or bf16.
    /// - Parameters:
    ///   - read: writes rows of W to the pointer.
    ///   - write: takes the bytes.
    func write(
        rows: Int, columns: Int, type: ElementType, pool: WorkerPool, read: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let portion = 64
        let scratch = StoredMatrix(rows: portion, columns: columns)
        let rounded = AlignedBuffer<UInt16>(count: portion * columns)
        var start = 0
        while start < rows {
            let range = start..<min(start + portion, rows)
            let values = scratch.view.rows(0..<range.count)
            try read(range, values.pointer)
            add(range, to: values, pool: pool)
            let count = range.count * columns
            switch type {
            case .bf16: ElementTable.round(values.pointer, count: count, toBF16: rounded.pointer)
            case .f16: ElementTable.round(values.pointer, count: count, toF16: rounded.pointer)
            default:
                try write(UnsafeRawBufferPointer(start: values.pointer, count: count * 4))
                start = range.upperBound
                continue
            }
            try write(UnsafeRawBufferPointer(start: rounded.pointer, count: count * 2))
            start = range.upperBound
        }
    }
}
