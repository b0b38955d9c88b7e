import Checkpoints
import Tensors

/// Packs the sections of a plan, one at a time, each on all threads.
struct WeightPacker {
    let weights: WeightReader
    let plan: WeightPlan
    let region: MemoryRegion
    let pool: WorkerPool

    /// Fills the section's bytes. Returns the matrix's factor; 1 for a table.
    /// - Throws: `CheckpointError` when a tensor cannot be read, or holds an infinity or NaN.
    func pack(_ section: WeightPlan.Section) throws -> Float {
        let storage = WeightStorage(region: region, range: section.range)
        switch section.layout {
        case .table(let type):
            try packTable(section, type, into: storage)
            return 1
        case .matrix(let format):
            if case .quantised(let quantised) = format, section.parts.contains(where: \.isRepacked) {
                return try repack(section, quantised, into: storage).factor
            }
            return try quantise(section, format, into: storage).factor
        }
    }

    /// Inputs behind a norm count by its squared weights: what the norm gives out has about that mean square, channel by channel.
    private func search(_ section: WeightPlan.Section) throws -> WeightSearch {
        let search = WeightRecipe.search(plan.format)
        guard search.effort == .leastError, let norm = section.norm else { return search }
        return WeightSearch(search.effort, importance: try weights.vector(norm).map { $0 * $0 })
    }

    private func quantise(
        _ section: WeightPlan.Section, _ format: MatrixFormat, into storage: WeightStorage
    ) throws -> PackedMatrix {
        let weights = weights
        return try PackedMatrix(
            format: format, outputs: section.outputs, inputs: section.inputs, search: try search(section), storage: storage, pool: pool
        ) { range, target in
            try section.forEachPart(of: range) { part, rows, first in
                try weights.read(part.place, rows: rows, into: target + first * section.inputs)
            }
        }
    }

    /// Stored blocks keep their values; parts that the format cannot hold are quantised to it.
    private func repack(
        _ section: WeightPlan.Section, _ format: QuantisedFormat, into storage: WeightStorage
    ) throws -> PackedMatrix {
        let (weights, search, tier) = (weights, try search(section), pool.instructionSet)
        return try PackedMatrix(
            repacking: format, outputs: section.outputs, inputs: section.inputs, storage: storage, pool: pool
        ) { range, target in
            try section.forEachPart(of: range) { part, rows, first in
                if part.isRepacked {
                    let rowBytes = weights.storedRowBytes(part.place)
                    let blocks = UnsafeMutableRawPointer.allocate(byteCount: rows.count * rowBytes, alignment: 64)
                    defer { blocks.deallocate() }
                    try weights.stored(part.place, rows: rows, into: blocks)
                    for index in 0..<rows.count { target.repack(part.stored, from: blocks + index * rowBytes, row: first + index) }
                } else {
                    let floats = AlignedBuffer<Float>(count: rows.count * section.inputs)
                    try weights.read(part.place, rows: rows, into: floats.pointer)
                    target.quantise(first..<first + rows.count, from: floats.pointer, factor: 1, search: search, on: tier)
                }
            }
        }
    }

    private func packTable(_ section: WeightPlan.Section, _ type: ElementExpansion, into storage: WeightStorage) throws {
        let (weights, part, columns) = (weights, section.parts[0], section.inputs)
        let rowBytes = storage.byteCount / max(section.outputs, 1)
        try PackedMatrix.forEachBlock(section.outputs, pool: pool) {
            TableScratch(part.isRepacked ? 0 : PackedMatrix.fillRows * columns)
        } _: { range, scratch in
            let target = storage.pointer
            if part.isRepacked {
                try weights.stored(part.place, rows: range, into: target + range.lowerBound * rowBytes)
            } else {
                try weights.read(part.place, rows: range, into: scratch.floats.pointer)
                ElementTable.round(scratch.floats.pointer, count: range.count * columns, toBF16: target + range.lowerBound * rowBytes)
            }
        }
    }
}

private final class TableScratch {
    let floats: AlignedBuffer<Float>
    init(_ count: Int) { floats = AlignedBuffer(count: count) }
}

extension WeightPlan.Section {
    /// Runs `body` for each part that rows `range` touch: with the rows of the part's own tensor, and where in `range` they begin.
    func forEachPart(of range: Range<Int>, _ body: (WeightPlan.Part, _ rows: Range<Int>, _ first: Int) throws -> Void) rethrows {
        var start = 0
        for part in parts {
            let rows = range.clamped(to: start..<start + part.outputs)
            if !rows.isEmpty {
                try body(part, rows.lowerBound - start..<rows.upperBound - start, rows.lowerBound - range.lowerBound)
            }
            start += part.outputs
        }
    }
}
