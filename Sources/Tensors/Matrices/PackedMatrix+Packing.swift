import Kernels
import Synchronization

/// A matrix that is to be quantised holds a number that is none.
package struct NonFiniteWeight: Error, CustomStringConvertible {
    /// Rows of the matrix of which one holds it.
    package let rows: Range<Int>
    package var description: String { "an infinity or NaN in rows \(rows)" }
}

extension PackedMatrix {
    /// Rows that one call of a filling closure is asked for, at most: a multiple of every format's panel.
    package static let fillRows = 64

    /// Packs W from rows in f32: rounded to the format, or quantised as `search` says.
    ///
    /// - Parameter storage: where to; memory of its own when left out.
    /// - Parameter fill: writes rows `range` of W (row-major f32, stride `inputs`) to the pointer; pool threads call it at the same time with
    ///   disjoint ranges of at most `fillRows` rows, for quantised formats twice. The first error it throws is rethrown.
    /// - Throws: `NonFiniteWeight` when the format is quantised and a weight is no finite number.
    package convenience init(
        format: MatrixFormat, outputs: Int, inputs: Int, search: WeightSearch = WeightSearch(.nearest), storage: WeightStorage? = nil,
        pool: WorkerPool, fill: @Sendable (_ range: Range<Int>, _ rows: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        let storage = storage ?? WeightStorage(byteCount: format.byteCount(outputs: outputs, inputs: inputs))
        var factor: Float = 1
        switch format {
        case .f32:
            try Self.forEachBlock(outputs, pool: pool) {
                ()
            } _: { range, _ in
                try fill(range, storage.pointer.assumingMemoryBound(to: Float.self) + range.lowerBound * inputs)
            }
        case .bf16:
            try Self.forEachBlock(outputs, pool: pool) {
                FloatRows(inputs)
            } _: { range, scratch in
                try fill(range, scratch.pointer)
                resa_pack_panel(
                    outputs, inputs, range.lowerBound, range.count, scratch.pointer, storage.pointer.assumingMemoryBound(to: UInt16.self))
            }
        case .quantised(let format):
            factor = Self.factor(largest: try Self.largest(outputs, inputs, pool: pool, fill: fill))
            let factor = factor
            try Self.forEachBlock(outputs, pool: pool) {
                (FloatRows(inputs), RowScratch(QuantisedRows(format: format, rows: Self.fillRows, inputs: inputs)))
            } _: { range, scratch in
                try fill(range, scratch.0.pointer)
                scratch.1.rows.quantise(0..<range.count, from: scratch.0.pointer, factor: factor, search: search, on: pool.instructionSet)
                scratch.1.rows.pack(range.count, firstOutput: range.lowerBound, outputs: outputs, into: storage.pointer)
            }
        }
        self.init(format: format, outputs: outputs, inputs: inputs, factor: factor, storage: storage)
    }

    /// Packs W from rows that are quantised already.
    ///
    /// - Parameter repack: writes rows `range` of W to the first rows of its second argument; called as `fill` above, once.
    package convenience init(
        repacking format: QuantisedFormat, outputs: Int, inputs: Int, storage: WeightStorage? = nil, pool: WorkerPool,
        repack: @Sendable (_ range: Range<Int>, _ rows: borrowing QuantisedRows) throws -> Void
    ) throws {
        let storage = storage ?? WeightStorage(byteCount: format.byteCount(outputs: outputs, inputs: inputs))
        try Self.forEachBlock(outputs, pool: pool) {
            RowScratch(QuantisedRows(format: format, rows: Self.fillRows, inputs: inputs))
        } _: { range, scratch in
            try repack(range, scratch.rows)
            scratch.rows.pack(range.count, firstOutput: range.lowerBound, outputs: outputs, into: storage.pointer)
        }
        self.init(format: .quantised(format), outputs: outputs, inputs: inputs, storage: storage)
    }

    /// The power of two that brings scales into the middle of f16's range: far from its largest number even for the coarsest scale (all of
    /// `largest` in four codes), and 2^24 above its smallest normal one.
    static func factor(largest: Float) -> Float {
        largest.isNormal ? Float(sign: .plus, exponent: max(largest.exponent - 10, -120), significand: 1) : 1
    }

    /// The largest magnitude in the matrix.
    private static func largest(
        _ outputs: Int, _ inputs: Int, pool: WorkerPool, fill: @Sendable (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
    ) throws -> Float {
        let largest = Atomic<UInt32>(0)
        try forEachBlock(outputs, pool: pool) {
            FloatRows(inputs)
        } _: { range, scratch in
            try fill(range, scratch.pointer)
            let value = resa_search_largest(range.count * inputs, scratch.pointer)
            guard value.isFinite else { throw NonFiniteWeight(rows: range) }
            // Bits of numbers that are not negative order like the numbers.
            largest.max(value.bitPattern, ordering: .relaxed)
        }
        return Float(bitPattern: largest.load(ordering: .relaxed))
    }

    /// Runs `body` for every block of rows on the pool; runs of blocks share what `scratch` makes, so that it is not mapped anew for each.
    package static func forEachBlock<Scratch>(
        _ outputs: Int, pool: WorkerPool, scratch: @Sendable () -> Scratch, _ body: @Sendable (Range<Int>, Scratch) throws -> Void
    ) throws {
        let failure = Mutex<(any Error)?>(nil)
        let failed = Atomic<Bool>(false)
        let blocks = (outputs + fillRows - 1) / fillRows
        let runs = min(blocks, pool.threads * 8)
        pool.parallel(runs) { run in
            let scratch = scratch()
            for block in blocks * run / runs..<blocks * (run + 1) / runs {
                if failed.load(ordering: .relaxed) { return }
                do {
                    try body(block * fillRows..<min(outputs, (block + 1) * fillRows), scratch)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                    failed.store(true, ordering: .relaxed)
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// Scratch for `fillRows` rows of f32.
private final class FloatRows {
    private let buffer: AlignedBuffer<Float>
    init(_ inputs: Int) { buffer = AlignedBuffer(count: PackedMatrix.fillRows * inputs) }
    var pointer: UnsafeMutablePointer<Float> { buffer.pointer }
}

private final class RowScratch {
    let rows: QuantisedRows
    init(_ rows: consuming QuantisedRows) { self.rows = rows }
}
