import Kernels
import TestRandomness

extension resa_quant_format: @retroactive CustomStringConvertible {
    static func flat(_ bits: Int, _ group: Int, minima: Bool = false, rotated: Bool = false) -> Self {
        Self(bits: UInt8(bits), group: UInt8(group), minima: minima, twoLevel: false, rotated: rotated)
    }

    static func twoLevel(_ bits: Int, group: Int = 32) -> Self {
        Self(bits: UInt8(bits), group: UInt8(group), minima: true, twoLevel: true, rotated: false)
    }

    public var description: String {
        "int\(bits) g\(group)" + (twoLevel ? " two-level" : minima ? " minima" : "") + (rotated ? " rotated" : "")
    }
}

/// A random matrix in packed form, with what went into it.
struct QuantisedMatrix {
    let format: resa_quant_format
    let (outputs, inputs): (Int, Int)
    let factor: Float = 0.37
    private let codes: [UInt8]
    private let (scales, minima, superScales, superMinima): ([Float], [Float], [Float], [Float])
    private let (subScales, subMinima): ([UInt8], [UInt8])
    private let packed: AlignedBytes

    /// Every third matrix has the largest code everywhere.
    init(_ format: resa_quant_format, _ outputs: Int, _ inputs: Int, using random: inout SeededRandom) {
        (self.format, self.outputs, self.inputs) = (format, outputs, inputs)
        let (groups, supers) = (resa_quant_groups(format, inputs), resa_quant_supers(inputs))
        let padded = resa_quant_padded_inputs(format, inputs)
        let most: UInt8 = format.bits == 8 ? 255 : 15
        let least: UInt8 = Int.random(in: 0..<3, using: &random) == 0 ? most : 0
        codes = (0..<outputs * padded).map { _ in UInt8.random(in: least...most, using: &random) }
        scales = random.floats(outputs * groups)
        minima = random.floats(outputs * groups)
        superScales = random.floats(outputs * supers)
        superMinima = random.floats(outputs * supers)
        subScales = (0..<outputs * groups).map { _ in UInt8.random(in: 0...255, using: &random) }
        subMinima = (0..<outputs * groups).map { _ in UInt8.random(in: 0...255, using: &random) }
        packed = AlignedBytes(count: resa_quant_bytes(format, outputs, inputs))
        for first in stride(from: 0, to: outputs, by: RESA_QUANT_PANEL_COLUMNS) {
            let source = (
                Array(codes[(first * padded)...]), Array(scales[(first * groups)...]), Array(minima[(first * groups)...]),
                Array(superScales[(first * supers)...]), Array(superMinima[(first * supers)...]), Array(subScales[(first * groups)...]),
                Array(subMinima[(first * groups)...])
            )
            source.0.withUnsafeBufferPointer { codes in
                source.1.withUnsafeBufferPointer { scales in
                    source.2.withUnsafeBufferPointer { minima in
                        source.3.withUnsafeBufferPointer { superScales in
                            source.4.withUnsafeBufferPointer { superMinima in
                                source.5.withUnsafeBufferPointer { subScales in
                                    source.6.withUnsafeBufferPointer { subMinima in
                                        var rows = resa_quant_source(
                                            codes: codes.baseAddress!, scales: scales.baseAddress, minima: minima.baseAddress,
                                            superScales: superScales.baseAddress, superMinima: superMinima.baseAddress,
                                            subScales: subScales.baseAddress, subMinima: subMinima.baseAddress)
                                        resa_quant_pack(
                                            format, outputs, inputs, first, min(RESA_QUANT_PANEL_COLUMNS, outputs - first), &rows,
                                            packed.start)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Row `output` by the format's definition, from what was packed.
    func stored(_ output: Int) -> [Float] { parts(output).map { ($0.scaled + $0.minimum) * factor } }

    /// The sums of magnitudes of which its weights are made: what products with it are computed from.
    func magnitudes(_ output: Int) -> [Float] { parts(output).map { (abs($0.scaled) + abs($0.minimum)) * factor } }

    private func parts(_ output: Int) -> [(scaled: Float, minimum: Float)] {
        let (groups, supers) = (resa_quant_groups(format, inputs), resa_quant_supers(inputs))
        let padded = resa_quant_padded_inputs(format, inputs)
        let zero: Float = format.minima ? 0 : format.bits == 8 ? 128 : 8
        return (0..<inputs).map { k in
            let group = output * groups + k / Int(format.group), parent = output * supers + k / RESA_QUANT_SUPER
            var scale = resa_round_to_half(scales[group])
            var minimum = format.minima ? resa_round_to_half(minima[group]) : 0
            if format.twoLevel {
                scale = resa_round_to_half(superScales[parent]) * Float(subScales[group])
                minimum = -(resa_round_to_half(superMinima[parent]) * Float(subMinima[group]))
            }
            return ((Float(codes[output * padded + k]) - zero) * scale, minimum)
        }
    }

    func row(_ output: Int, as format: resa_quant_format) -> [Float] {
        var values = [Float](repeating: 0, count: inputs)
        resa_quant_unpack_row(format, outputs, inputs, factor, output, packed.start, &values)
        return values
    }

    /// Rows `rows` of x W^T. Checks that nothing is written outside them.
    func multiply(
        _ tier: Tier, _ x: QuantisedRows, _ rows: Range<Int>? = nil, bias: [Float]? = nil, into start: [Float]? = nil, scale: Float? = nil
    ) -> [Float] {
        let rows = rows ?? 0..<x.rows
        let width = outputs + 1
        let bias = bias.map { AlignedBytes(copying: $0) }
        var y = [Float](repeating: 7, count: x.rows * width)
        if let start { for row in rows { for c in 0..<outputs { y[row * width + c] = start[row * outputs + c] } } }
        y.withUnsafeMutableBufferPointer { y in
            var gemm = resa_gemm_quant(
                format: format, outputs: outputs, inputs: inputs, rows: x.rows, factor: factor, packed: packed.start, x: x.start,
                y: y.baseAddress!, yStride: width, bias: bias.map { UnsafePointer($0.start.assumingMemoryBound(to: Float.self)) },
                add: scale != nil, scale: scale ?? 1)
            for first in stride(from: rows.lowerBound, to: rows.upperBound, by: RESA_QUANT_GEMM_ROWS) {
                resa_gemm_quant_panels(
                    tier.table, &gemm, 0, (outputs + RESA_QUANT_PANEL_COLUMNS - 1) / RESA_QUANT_PANEL_COLUMNS, first,
                    min(rows.upperBound, first + RESA_QUANT_GEMM_ROWS))
            }
        }
        for row in 0..<x.rows {
            precondition(y[row * width + outputs] == 7, "wrote past a row's end")
            precondition(rows.contains(row) || y[row * width] == 7, "wrote another row")
        }
        return rows.flatMap { y[$0 * width..<$0 * width + outputs] }
    }
}

/// Rows as a tier quantises them.
struct QuantisedRows {
    let format: resa_quant_format
    let (rows, inputs): (Int, Int)
    private let bytes: AlignedBytes

    var start: UnsafeMutableRawPointer { bytes.start }

    init(_ format: resa_quant_format, rows: Int, inputs: Int) {
        (self.format, self.rows, self.inputs) = (format, rows, inputs)
        bytes = AlignedBytes(count: rows * resa_quant_row_bytes(format, inputs))
    }

    init(_ format: resa_quant_format, _ x: [Float], inputs: Int, _ tier: Tier = .scalar) {
        self.init(format, rows: x.count / inputs, inputs: inputs)
        let stride = resa_quant_row_bytes(format, inputs)
        for row in 0..<rows {
            resa_quantise_row(tier.table, format, inputs, Array(x[row * inputs..<(row + 1) * inputs]), start + row * stride)
        }
    }

    /// All bytes of all rows; those that no number takes are as they were.
    var used: [UInt8] { Array(UnsafeRawBufferPointer(start: start, count: bytes.count)) }

    func values(_ row: Int) -> [Float] {
        var values = [Float](repeating: 0, count: inputs)
        resa_quant_row_values(format, inputs, start + row * resa_quant_row_bytes(format, inputs), &values)
        return values
    }
}

/// Memory on a cache line, freed with its last user. Filled with a pattern, so that what is not written shows.
final class AlignedBytes {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
        self.count = count
        start = .allocate(byteCount: max(count, 1), alignment: 64)
        start.initializeMemory(as: UInt8.self, repeating: 0xa5, count: count)
    }

    convenience init(copying values: [Float]) {
        self.init(count: values.count * 4)
        start.copyMemory(from: values, byteCount: count)
    }

    deinit { start.deallocate() }
}
