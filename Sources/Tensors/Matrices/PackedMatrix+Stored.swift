import Kernels
import Synchronization

extension PackedMatrix {
    /// Where some rows lie.
    private typealias Rows = UnsafePointer<UnsafeRawPointer>

    /// Packs W from the plain floats that a file stores it as, without rows in f32 in memory between: the bits that filling with the same
    /// numbers gives, quantised to nearest.
    ///
    /// - Parameter row: where the `inputs` elements of a row begin; they need no alignment. Called from pool threads.
    /// - Returns: nil when a number is not finite, for elements that come in blocks, and for formats with minima.
    package convenience init?(
        stored type: ElementExpansion, format: MatrixFormat, outputs: Int, inputs: Int, storage: WeightStorage? = nil, pool: WorkerPool,
        row: (_ index: Int) -> UnsafeRawPointer
    ) {
        guard type.blockElements == 1, inputs > 0 else { return nil }
        let storage = storage ?? WeightStorage(byteCount: format.byteCount(outputs: outputs, inputs: inputs))
        let element = type.element
        var factor: Float = 1
        switch format {
        case .f32:
            let floats = storage.pointer.assumingMemoryBound(to: Float.self)
            let largest = Self.largest(outputs, pool: pool, row: row) { range, rows in
                for index in 0..<range.count { resa_expand(element, rows[index], inputs, floats + (range.lowerBound + index) * inputs) }
                return resa_search_largest(range.count * inputs, floats + range.lowerBound * inputs)
            }
            guard largest.isFinite else { return nil }
        case .bf16:
            let panels = storage.pointer.assumingMemoryBound(to: UInt16.self)
            let largest = Self.largest(outputs, pool: pool, row: row) { range, rows in
                resa_pack_stored_panel(element, outputs, inputs, range.lowerBound, range.count, rows, panels)
            }
            guard largest.isFinite else { return nil }
        case .quantised(let format):
            guard !format.minima else { return nil }
            let largest = Self.largest(outputs, pool: pool, row: row) { resa_search_stored_largest(element, inputs, $0.count, $1) }
            guard largest.isFinite else { return nil }
            let found = Self.factor(largest: largest)
            let (kernels, kernel, columns) = (pool.kernels, format.kernel, Int(RESA_QUANT_PANEL_COLUMNS))
            let panelBytes = resa_quant_panel_bytes(kernel, inputs)
            Self.forEachBlock(outputs, pool: pool, row: row) { range, rows in
                for start in stride(from: 0, to: range.count, by: columns) {
                    resa_search_pack_stored(
                        kernels, kernel, element, inputs, found, min(columns, range.count - start), rows + start,
                        storage.pointer + (range.lowerBound + start) / columns * panelBytes)
                }
            }
            factor = found
        }
        self.init(format: format, outputs: outputs, inputs: inputs, factor: factor, storage: storage)
    }

    private static func forEachBlock(
        _ outputs: Int, pool: WorkerPool, row: (Int) -> UnsafeRawPointer, _ body: (Range<Int>, Rows) -> Void
    ) {
        pool.parallel((outputs + fillRows - 1) / fillRows) { block in
            let range = block * fillRows..<min(outputs, (block + 1) * fillRows)
            withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: range.count) { rows in
                for index in rows.indices { rows.initializeElement(at: index, to: row(range.lowerBound + index)) }
                if let rows = rows.baseAddress { body(range, rows) }
            }
        }
    }

    /// The largest of what `body` finds, infinities and NaN above all.
    private static func largest(
        _ outputs: Int, pool: WorkerPool, row: (Int) -> UnsafeRawPointer, _ body: (Range<Int>, Rows) -> Float
    ) -> Float {
        // Bits of numbers that are not negative order like the numbers.
        let largest = Atomic<UInt32>(0)
        forEachBlock(outputs, pool: pool, row: row) { largest.max(body($0, $1).bitPattern, ordering: .relaxed) }
        return Float(bitPattern: largest.load(ordering: .relaxed))
    }
}
