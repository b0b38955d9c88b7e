import Adapters
import Architectures
import Checkpoints
import Models
import Tensors

/// One projection's `scale * B A`, to be added to rows of the stored tensor in f32, which DoRA's magnitudes stretch before. The tensor may hold
/// other projections beside it, and may be stored the other way round.
struct LoRAFold {
    /// `[stored rows, rank]`: B, or where the tensor is transposed A.
    private let left: StoredMatrix
    /// `[rank, stored columns]`
    private let right: StoredMatrix
    private let scale: Float
    private let isTransposed: Bool
    /// By stored row (column, where transposed), what W's are multiplied with; empty without magnitudes.
    private var stretch: [Float] = []
    /// The stored rows that can change.
    private let span: Range<Int>

    /// - Parameters:
    ///   - rows: of the stored tensor.
    ///   - columns: of the stored tensor.
    ///   - order: where the projection's outputs lie in it.
    init(
        _ update: LoRAUpdate, strength: Float, rows: Int, columns: Int, order: StoredRowOrder = StoredRowOrder(), isTransposed: Bool = false
    ) {
        let (rank, inputs, outputs) = (update.rank, update.a.inputs, update.b.outputs)
        left = StoredMatrix(rows: rows, columns: rank)
        right = StoredMatrix(rows: rank, columns: columns)
        self.isTransposed = isTransposed
        scale = update.scale * strength
        span = order.isContiguous && !isTransposed ? order.first..<order.first + outputs : 0..<rows
        left.view.fill(0)
        right.view.fill(0)
        if isTransposed {
            let row = AlignedBuffer<Float>(count: max(rank, inputs))
            for index in 0..<rank {
                update.a.copyRow(index, into: row.pointer)
                for input in 0..<inputs { left.view[input, index] = row.pointer[input] }
            }
            for output in 0..<outputs {
                update.b.copyRow(output, into: row.pointer)
                for index in 0..<rank { right.view[index, order.stored(output)] = row.pointer[index] }
            }
        } else {
            for row in 0..<rank { update.a.copyRow(row, into: right.view.row(row)) }
            for row in 0..<outputs { update.b.copyRow(row, into: left.view.row(order.stored(row))) }
        }
        guard let magnitudes = update.magnitudes else { return }
        stretch = Array(repeating: 1, count: isTransposed ? columns : rows)
        for row in 0..<outputs { stretch[order.stored(row)] += strength * magnitudes.gain.pointer[row] }
    }

    /// Adds the update of stored rows `rows` to `values`, which holds them.
    func add(_ rows: Range<Int>, to values: MatrixView, pool: WorkerPool) {
        let changed = rows.clamped(to: span)
        if changed.isEmpty { return }
        let part = values.rows(changed.lowerBound - rows.lowerBound..<changed.upperBound - rows.lowerBound)
        if !stretch.isEmpty {
            for (index, row) in changed.enumerated() {
                for column in 0..<part.columns { part[index, column] *= stretch[isTransposed ? column : row] }
            }
        }
        Product.run(left.view.rows(changed), times: right.view, into: part, scale: scale, add: true, pool: pool)
    }
}

extension LoRAFold {
    /// What `lora` changes of the stored tensor `name` `[rows, columns]`; empty where it changes nothing.
    static func folds(
        of lora: LoRAAdapter, strength: Float, in name: String, rows: Int, columns: Int, config: ModelConfig, inGGUF: Bool
    ) -> [LoRAFold] {
        updates(of: lora, strength: strength, in: name, config: config, inGGUF: inGGUF).map { update, order, row in
            LoRAFold(
                update, strength: strength, rows: rows, columns: columns, order: order, isTransposed: row.isTransposed && !inGGUF)
        }
    }

    /// Whether `lora` changes the tensor of that name.
    static func changes(_ name: String, of lora: LoRAAdapter, strength: Float, config: ModelConfig, inGGUF: Bool) -> Bool {
        !updates(of: lora, strength: strength, in: name, config: config, inGGUF: inGGUF).isEmpty
    }

    private static func updates(
        of lora: LoRAAdapter, strength: Float, in name: String, config: ModelConfig, inGGUF: Bool
    ) -> [(update: LoRAUpdate, order: StoredRowOrder, row: WeightTable.Row)] {
        guard strength != 0, let (row, layer) = config.family.weights.find(weight: name, inGGUF: inGGUF) else { return [] }
        let shape = config.shape
        let heights = row.outputs.map { shape[$0] }
        return row.modules.enumerated().compactMap { index, module in
            guard let update = lora.update(layer: layer, module: module), !update.doesNothing else { return nil }
            return (update, row.order(index, heights, shape, inGGUF: inGGUF), row)
        }
    }
}

extension [LoRAFold] {
    /// Writes rows of a tensor with the updates added, a portion at a time, as `type`: f32, f16 or bf16.
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
            let range = (start..<start + portion).clamped(to: 0..<rows)
            let values = scratch.view.rows(0..<range.count)
            try read(range, values.pointer)
            for fold in self { fold.add(range, to: values, pool: pool) }
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
