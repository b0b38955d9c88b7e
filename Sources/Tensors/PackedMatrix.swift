import Kernels
import Synchronization

/// How weights are held in memory.
package enum WeightFormat: String, Sendable, CaseIterable {
    case f32, bf16
}

/// Immutable weights W [outputs, inputs] for y = x W^T.
///
/// bf16: panels of 64 output columns (the last one a multiple of 16), pairs of k together: [k / 2][column][2]. x is rounded to bf16
/// (nearest even) and products are summed in f32 in one chain per output over ascending k, whatever the number of rows, the tile or the
/// thread. f32: row-major, through OpenBLAS in tiles of one constant shape.
package final class PackedMatrix: Sendable {
    package let format: WeightFormat
    package let outputs: Int
    package let inputs: Int
    /// Bytes of the stored weights.
    package let byteCount: Int
    /// Written by init only, before the matrix can be shared.
    let storage: AlignedBuffer<UInt8>

    /// Rows that one call of `fill` is asked for, at most.
    private static let fillRows = RESA_PANEL_COLUMNS

    /// `fill` writes rows `range` of W (row-major f32, stride `inputs`) to the pointer; pool threads call it at the same time with disjoint
    /// ranges of at most 64 rows. The first error it throws is rethrown.
    package init(
        format: WeightFormat, outputs: Int, inputs: Int, pool: WorkerPool,
        fill: @Sendable (_ range: Range<Int>, _ rows: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        precondition(outputs >= 0 && inputs >= 0, "PackedMatrix: negative shape [\(outputs), \(inputs)]")
        self.format = format
        self.outputs = outputs
        self.inputs = inputs
        byteCount = format == .f32 ? outputs * inputs * 4 : resa_packed_count(outputs, inputs) * 2
        storage = AlignedBuffer(count: byteCount)

        let base = storage.pointer
        let failure = Mutex<(any Error)?>(nil)
        let failed = Atomic<Bool>(false)
        let blocks = (outputs + Self.fillRows - 1) / Self.fillRows
        // Runs of blocks share one scratch buffer, so that it is not mapped anew for every block.
        let runs = min(blocks, pool.threads * 8)
        pool.parallel(runs) { run in
            let scratch = AlignedBuffer<Float>(count: format == .f32 ? 0 : Self.fillRows * inputs)
            for block in blocks * run / runs..<blocks * (run + 1) / runs {
                if failed.load(ordering: .relaxed) { return }
                let rows = block * Self.fillRows..<min(outputs, (block + 1) * Self.fillRows)
                do {
                    switch format {
                    case .f32:
                        try fill(rows, UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self) + rows.lowerBound * inputs)
                    case .bf16:
                        try fill(rows, scratch.pointer)
                        let packed = UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt16.self)
                        resa_pack_panel(outputs, inputs, rows.lowerBound, rows.count, scratch.pointer, packed)
                    }
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                    failed.store(true, ordering: .relaxed)
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Row `index` of W as f32, the exact stored values: embedding look-ups and decoder rows.
    package func copyRow(_ index: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(index >= 0 && index < outputs, "PackedMatrix: row \(index) of \(outputs)")
        switch format {
        case .f32: target.update(from: floats + index * inputs, count: inputs)
        case .bf16: resa_unpack_row(outputs, inputs, index, panels, target)
        }
    }

    var floats: UnsafePointer<Float> { UnsafePointer(UnsafeMutableRawPointer(storage.pointer).assumingMemoryBound(to: Float.self)) }
    var panels: UnsafePointer<UInt16> { UnsafePointer(UnsafeMutableRawPointer(storage.pointer).assumingMemoryBound(to: UInt16.self)) }
}
