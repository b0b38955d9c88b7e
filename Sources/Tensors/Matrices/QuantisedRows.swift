import Kernels

/// How scales and minima of a quantised matrix are found.
package struct WeightSearch: Sendable {
    package enum Effort: Sendable {
        /// The scale spans the group; every weight goes to its nearest code.
        case nearest
        /// Scales and minima of least weighted squared error.
        case leastError
    }

    package var effort: Effort
    /// How much the squared error of each input counts, [inputs], none negative: the mean square of the activations it meets, say. Nil: all
    /// alike. Rotated formats mix inputs and ignore it.
    package var importance: [Float]?

    package init(_ effort: Effort, importance: [Float]? = nil) {
        self.effort = effort
        self.importance = importance
    }
}

/// Some rows of a matrix as codes and scales, on their way into a packed matrix.
package struct QuantisedRows: ~Copyable {
    package let format: QuantisedFormat
    package let rows: Int
    package let inputs: Int
    private let codes: AlignedBuffer<UInt8>
    /// Scales, then minima; of two levels those of the upper.
    private let scales: AlignedBuffer<Float>
    /// Sub-scales, then sub-minima.
    private let subs: AlignedBuffer<UInt8>
    private let codesPerRow: Int
    private let scalesPerRow: Int
    private let subsPerRow: Int

    package init(format: QuantisedFormat, rows: Int, inputs: Int) {
        (self.format, self.rows, self.inputs) = (format, rows, inputs)
        let kernel = format.kernel
        let groups = resa_quant_groups(kernel, inputs)
        let isTwoLevel = format.scales == .twoLevel
        codesPerRow = resa_quant_padded_inputs(kernel, inputs)
        scalesPerRow = isTwoLevel ? resa_quant_supers(inputs) : groups
        subsPerRow = isTwoLevel ? groups : 0
        codes = AlignedBuffer(count: rows * codesPerRow)
        scales = AlignedBuffer(count: rows * scalesPerRow * (format.minima ? 2 : 1))
        subs = AlignedBuffer(count: 2 * rows * subsPerRow)
    }

    /// Copies `inputs` stored elements, a multiple of `type`'s block, to row `row`, without loss. `format.holds(type)`; the packed matrix's
    /// factor is 1.
    package func repack(_ type: ElementExpansion, from blocks: UnsafeRawPointer, row: Int) {
        precondition(row >= 0 && row < rows && inputs % type.blockElements == 0 && format.holds(type))
        withTarget(row) { resa_search_repack(format.kernel, type.element, inputs, blocks, 0, $0) }
    }

    /// Quantises rows `range` from x [range.count, inputs], which is finite. `factor` is the packed matrix's. The same bits on every tier.
    package func quantise(
        _ range: Range<Int>, from x: UnsafePointer<Float>, factor: Float, search: WeightSearch, on tier: InstructionSet
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        let effort = search.effort == .nearest ? RESA_SEARCH_NEAREST : RESA_SEARCH_LEAST_ERROR
        withTarget(range.lowerBound) { target in
            guard let importance = search.importance else {
                resa_search_quantise(tier.kernels, format.kernel, effort, range.count, inputs, factor, x, nil, target)
                return
            }
            precondition(importance.count == inputs, "importance of \(importance.count) inputs for \(inputs)")
            importance.withUnsafeBufferPointer {
                resa_search_quantise(tier.kernels, format.kernel, effort, range.count, inputs, factor, x, $0.baseAddress, target)
            }
        }
    }

    /// Packs the first `count` rows as outputs `firstOutput` and following.
    func pack(_ count: Int, firstOutput: Int, outputs: Int, into packed: UnsafeMutableRawPointer) {
        withTarget(0) { target in
            let rows = target.pointee
            var source = resa_quant_source(
                codes: rows.codes, scales: rows.scales, minima: rows.minima, superScales: rows.superScales,
                superMinima: rows.superMinima, subScales: rows.subScales, subMinima: rows.subMinima)
            resa_quant_pack(format.kernel, outputs, inputs, firstOutput, count, &source, packed)
        }
    }

    /// The arrays from row `row` on.
    private func withTarget(_ row: Int, _ body: (UnsafePointer<resa_search_rows>) -> Void) {
        let offset = row * scalesPerRow
        let minima = format.minima ? scales.pointer + rows * scalesPerRow + offset : nil
        var target = resa_search_rows(
            codes: codes.pointer + row * codesPerRow, scales: nil, minima: nil, superScales: nil, superMinima: nil, subScales: nil,
            subMinima: nil)
        switch format.scales {
        case .flat:
            target.scales = scales.pointer + offset
            target.minima = minima
        case .twoLevel:
            target.superScales = scales.pointer + offset
            target.superMinima = minima
            target.subScales = subs.pointer + row * subsPerRow
            target.subMinima = subs.pointer + (rows + row) * subsPerRow
        }
        withUnsafePointer(to: &target, body)
    }
}
