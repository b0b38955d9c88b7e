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
    private let scaleCount: Int
    private let subCount: Int

    package init(format: QuantisedFormat, rows: Int, inputs: Int) {
        (self.format, self.rows, self.inputs) = (format, rows, inputs)
        let kernel = format.kernel
        let groups = resa_quant_groups(kernel, inputs)
        let isTwoLevel = format.scales == .twoLevel
        scaleCount = rows * (isTwoLevel ? resa_quant_supers(inputs) : groups)
        subCount = isTwoLevel ? rows * groups : 0
        codes = AlignedBuffer(count: rows * resa_quant_padded_inputs(kernel, inputs))
        scales = AlignedBuffer(count: scaleCount * (format.minima ? 2 : 1))
        subs = AlignedBuffer(count: 2 * subCount)
    }

    /// Copies `inputs` stored elements, a multiple of `type`'s block, to row `row`, without loss. `format.holds(type)`; the packed matrix's
    /// factor is 1.
    package func repack(_ type: ElementExpansion, from blocks: UnsafeRawPointer, row: Int) {
        precondition(row >= 0 && row < rows && inputs % type.blockElements == 0 && format.holds(type))
        withTarget { resa_search_repack(format.kernel, type.element, inputs, blocks, row, $0) }
    }

    /// Quantises the first `count` rows from x [count, inputs], which is finite. `factor` is the packed matrix's.
    func quantise(_ count: Int, from x: UnsafePointer<Float>, factor: Float, search: WeightSearch) {
        let effort = search.effort == .nearest ? RESA_SEARCH_NEAREST : RESA_SEARCH_LEAST_ERROR
        withTarget { target in
            guard let importance = search.importance else {
                resa_search_quantise(format.kernel, effort, count, inputs, factor, x, nil, target)
                return
            }
            precondition(importance.count == inputs, "importance of \(importance.count) inputs for \(inputs)")
            importance.withUnsafeBufferPointer {
                resa_search_quantise(format.kernel, effort, count, inputs, factor, x, $0.baseAddress, target)
            }
        }
    }

    /// Packs the first `count` rows as outputs `firstOutput` and following.
    func pack(_ count: Int, firstOutput: Int, outputs: Int, into packed: UnsafeMutableRawPointer) {
        withTarget { target in
            let rows = target.pointee
            var source = resa_quant_source(
                codes: rows.codes, scales: rows.scales, minima: rows.minima, superScales: rows.superScales,
                superMinima: rows.superMinima, subScales: rows.subScales, subMinima: rows.subMinima)
            resa_quant_pack(format.kernel, outputs, inputs, firstOutput, count, &source, packed)
        }
    }

    private func withTarget(_ body: (UnsafePointer<resa_search_rows>) -> Void) {
        let minima = format.minima ? scales.pointer + scaleCount : nil
        var rows = resa_search_rows(
            codes: codes.pointer, scales: nil, minima: nil, superScales: nil, superMinima: nil, subScales: nil, subMinima: nil)
        switch format.scales {
        case .flat:
            rows.scales = scales.pointer
            rows.minima = minima
        case .twoLevel:
            rows.superScales = scales.pointer
            rows.superMinima = minima
            rows.subScales = subs.pointer
            rows.subMinima = subs.pointer + subCount
        }
        withUnsafePointer(to: &rows, body)
    }
}
