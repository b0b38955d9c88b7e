import Tensors
import TestRandomness
import Testing

/// Searched scales and minima beat spanning the range, in the stored numbers.
@Suite struct WeightSearchTests {
    /// Sums of uniform numbers, near to normal; every 50th far out when `heavy`.
    private func weights(_ count: Int, heavy: Bool, _ random: inout SeededRandom) -> [Float] {
        (0..<count).map { index in
            let sum = (0..<6).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &random) }
            return 0.02 * sum * (heavy && index % 50 == 0 ? 8 : 1)
        }
    }

    private func error(
        _ format: QuantisedFormat, _ search: WeightSearch, _ weights: [Float], _ inputs: Int, importance: [Float]? = nil
    ) throws -> Double {
        let outputs = weights.count / inputs
        let matrix = try PackedMatrix(
            format: .quantised(format), outputs: outputs, inputs: inputs, search: search, pool: WorkerPool(threads: 2)
        ) { range, rows in
            for (offset, element) in weights[range.lowerBound * inputs..<range.upperBound * inputs].enumerated() { rows[offset] = element }
        }
        var row = [Float](repeating: 0, count: inputs)
        var sum = 0.0
        for output in 0..<outputs {
            matrix.copyRow(output, into: &row)
            for input in 0..<inputs {
                let difference = Double(row[input] - weights[output * inputs + input])
                sum += difference * difference * Double(importance?[input] ?? 1)
            }
        }
        return sum
    }

    @Test(
        arguments: [QuantisedFormat.int4Group32, .int4Group32Minima, .int4TwoLevel, .int8Group32, .int8TwoLevel], [false, true])
    func beatsRounding(_ format: QuantisedFormat, _ heavy: Bool) throws {
        var random = SeededRandom()
        let weights = weights(40 * 544, heavy: heavy, &random)
        let nearest = try error(format, WeightSearch(.nearest), weights, 544)
        let searched = try error(format, WeightSearch(.leastError), weights, 544)
        #expect(searched < nearest * (format.bits == 4 ? 0.95 : 1))
        #expect(searched > 0)
    }

    @Test(arguments: [QuantisedFormat.int4Group32, .int4Group32Minima, .int4TwoLevel])
    func heedsImportance(_ format: QuantisedFormat) throws {
        var random = SeededRandom()
        let weights = weights(40 * 512, heavy: true, &random)
        let importance = (0..<512).map { $0 % 7 == 0 ? Float(20) : 0.1 }
        let plain = try error(format, WeightSearch(.leastError), weights, 512, importance: importance)
        let weighed = try error(format, WeightSearch(.leastError, importance: importance), weights, 512, importance: importance)
        #expect(weighed < 0.9 * plain)
    }

    /// Round to nearest: no weight is further off than half a step of its group's largest.
    @Test func eightBitsStayWithinHalfAStep() throws {
        var random = SeededRandom()
        let weights = weights(64 * 256, heavy: false, &random)
        let inputs = 256
        let matrix = try PackedMatrix(.quantised(.int8Group32), outputs: 64, inputs: inputs, weights: weights, pool: WorkerPool(threads: 2))
        var row = [Float](repeating: 0, count: inputs)
        for output in 0..<64 {
            matrix.copyRow(output, into: &row)
            for group in 0..<inputs / 32 {
                let range = group * 32..<(group + 1) * 32
                let wanted = weights[output * inputs..<(output + 1) * inputs].dropFirst(range.lowerBound).prefix(32)
                let step = wanted.map(abs).max()! / 127
                // f16 scales add a two-thousandth of the largest value.
                for (got, wanted) in zip(row[range], wanted) { #expect(abs(got - wanted) <= step * 0.5 + step * 127 / 2000) }
            }
        }
    }

    @Test func degenerateGroups() throws {
        for value: Float in [0, 1e-38, 3e38, -7, 1e-20] {
            for format in QuantisedFormat.exact + [.int8Group64Rotated, .int8Group128Rotated] {
                for effort in [WeightSearch.Effort.nearest, .leastError] {
                    let weights = [Float](repeating: value, count: 3 * 40)
                    let matrix = try PackedMatrix(
                        format: .quantised(format), outputs: 3, inputs: 40, search: WeightSearch(effort), pool: WorkerPool(threads: 1)
                    ) { range, rows in for index in 0..<range.count * 40 { rows[index] = weights[index] } }
                    var row = [Float](repeating: .nan, count: 40)
                    matrix.copyRow(2, into: &row)
                    #expect(row.first { !$0.isFinite } == nil, "\(value) in \(format)")
                }
            }
        }
    }

    @Test(arguments: [Float.infinity, .nan]) func refusesWhatIsNoNumber(_ value: Float) {
        #expect(throws: NonFiniteWeight.self) {
            var weights = [Float](repeating: 1, count: 100 * 64)
            weights[70 * 64 + 3] = value
            _ = try PackedMatrix(.quantised(.int8Group64Rotated), outputs: 100, inputs: 64, weights: weights, pool: WorkerPool(threads: 2))
        }
    }
}
