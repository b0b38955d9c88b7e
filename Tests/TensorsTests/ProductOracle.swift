import Kernels

@testable import Tensors

/// y = x W^T in double, from what a product takes: x and W as its format rounds them. In rotated formats both stay turned, which a sum of
/// products does not notice, as the turn is orthogonal.
///
/// The bounds hold for every x and W. With u = 2^-24, the most that rounding to f32 changes a number by, relative to it:
/// - A sum of n products in f32, in any order, is off by at most n u / (1 - n u) times the sum of the magnitudes (Higham, "Accuracy and
///   Stability of Numerical Algorithms", 3.1); products of f32 are themselves rounded or fused into the sum.
/// - A quantised group's sum of codes is exact, as 128 * 255 * 127 < 2^24. Its scales' product is rounded, and so is every addition that
///   follows: one for each group, two where minima are added with x's sum, which is rounded too. Factor and bias round once each.
/// - A code is the nearest whole number of steps, so what is taken of x is off by half a step, the largest number of its group / 254. Turning
///   x in f32 adds at most log2(g) sqrt(g) u of the largest number for a group of g, 79 u for 128, and so does turning W back; rounding the
///   step adds less: together no hundredth of the half step.
struct ProductOracle {
    private let matrix: PackedMatrix
    /// As stored, with padding, [outputs][`width`].
    private let weights: [Float]
    /// What x is multiplied with: the stored rows turned back, [outputs][inputs].
    private let plain: [Float]
    private let width: Int

    init(_ matrix: PackedMatrix) {
        self.matrix = matrix
        let inputs = matrix.inputs
        var plain = [Float](repeating: 0, count: matrix.outputs * inputs)
        plain.withUnsafeMutableBufferPointer { plain in
            for output in 0..<matrix.outputs { matrix.copyRow(output, into: plain.baseAddress! + output * inputs) }
        }
        self.plain = plain
        guard case .quantised(let format) = matrix.format else {
            (width, weights) = (inputs, plain)
            return
        }
        var unturned = format.kernel
        unturned.rotated = false
        let width = resa_quant_padded_inputs(format.kernel, inputs)
        var weights = [Float](repeating: 0, count: matrix.outputs * width)
        weights.withUnsafeMutableBufferPointer { weights in
            for output in 0..<matrix.outputs {
                resa_quant_unpack_row(
                    unturned, matrix.outputs, width, matrix.factor, output, matrix.storage.pointer, weights.baseAddress! + output * width)
            }
        }
        (self.width, self.weights) = (width, weights)
    }

    /// x as the product takes it, [`width`].
    func taken(_ x: UnsafePointer<Float>) -> [Float] {
        let inputs = matrix.inputs
        switch matrix.format {
        case .f32: return Array(UnsafeBufferPointer(start: x, count: inputs))
        case .bf16:
            // To the nearest, ties to even.
            return (0..<inputs).map { i in
                let bits = x[i].bitPattern
                return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
            }
        case .quantised(let format):
            let row = AlignedBuffer<UInt8>(count: resa_quant_row_bytes(format.kernel, inputs))
            resa_quantise_row(InstructionSet.scalar.kernels, format.kernel, inputs, x, row.pointer)
            var values = [Float](repeating: 0, count: width)
            resa_quant_row_values(format.kernel, width, row.pointer, &values)
            return values
        }
    }

    /// The sum, and the most that a product may be off it. `steps`: the most that rounding x may have moved the sum, the bound of
    /// `plainSum`.
    func product(_ taken: [Float], _ output: Int) -> (sum: Double, rounding: Double, steps: Double) {
        let row = weights[output * width..<(output + 1) * width]
        var (sum, magnitude) = (0.0, 0.0)
        for (x, w) in zip(taken, row) {
            let product = Double(x) * Double(w)
            sum += product
            magnitude += abs(product)
        }
        let u = 0x1p-24
        guard case .quantised(let format) = matrix.format else {
            // A half step of bf16 is 2^-8 of its number; W is compared as it is stored.
            let steps = matrix.format == .f32 ? 0 : 0x1.02p-8 * zip(taken, row).reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
            return (sum, 1.01 * Double(width + 1) * u * magnitude, steps)
        }
        // Weights of -1...1 are a minimum of -2...2 and what is added to it.
        if format.minima { magnitude += taken.reduce(0) { $0 + 4 * abs(Double($1)) } }
        let (group, groups) = (format.group, width / format.group)
        let roundings = groups * (format.minima ? 2 : 1) + 4
        var steps = 0.0
        for start in stride(from: 0, to: width, by: group) {
            let largest = taken[start..<start + group].reduce(0) { max($0, abs(Double($1))) }
            let weights = row[row.startIndex + start..<row.startIndex + start + group].reduce(0) { $0 + abs(Double($1)) }
            steps += 1.01 * largest / 254 * weights
        }
        return (sum, 1.01 * Double(roundings) * u * magnitude, steps + 0x1p-40)
    }

    /// The sum over x itself and the stored weights turned back.
    func plainSum(_ x: UnsafePointer<Float>, _ output: Int) -> Double {
        (0..<matrix.inputs).reduce(0) { $0 + Double(x[$1]) * Double(plain[output * matrix.inputs + $1]) }
    }
}
