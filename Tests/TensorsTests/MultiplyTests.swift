import Tensors
import TestRandomness
import Testing

@Suite struct MultiplyTests {
    private static let cases = MatrixFormat.all.flatMap { format in InstructionSet.available.map { (format, $0) } }

    /// A row of y is the same bits alone, in any number of rows, at any place, for any number of threads.
    @Test(arguments: cases) func rowsAreIndependent(_ format: MatrixFormat, _ tier: InstructionSet) throws {
        var random = SeededRandom()
        let workspace = Workspace()
        let pools = [1, 2, 3, 5].map { WorkerPool(threads: $0, instructionSet: tier) }
        for (outputs, inputs) in [(5, 7), (300, 129), (640, 1100), (257, 64), (16, 2048)] {
            let weights = random.floats(outputs * inputs)
            let matrix = try PackedMatrix(format, outputs: outputs, inputs: inputs, weights: weights, pool: pools[1])
            let x = random.matrix(37, inputs)
            let alone = (0..<37).map { row in
                let y = Matrix(1, outputs)
                matrix.multiply(x.view.rows(row..<row + 1), into: y.view, pool: pools[0], workspace: workspace)
                return y.elements
            }
            for rows in [1, 2, 3, 4, 6, 7, 15, 16, 17, 31, 32, 33, 37] {
                let first = Int.random(in: 0...37 - rows, using: &random)
                let pool = pools.randomElement(using: &random)!
                let y = Matrix(rows, outputs)
                matrix.multiply(x.view.rows(first..<first + rows), into: y.view, pool: pool, workspace: workspace)
                #expect(y.guardsHold)
                expectSameBits(
                    y.elements, alone[first..<first + rows].flatMap { $0 },
                    "\(rows) rows of [\(outputs), \(inputs)], \(pool.threads) threads")
            }
        }
    }

    /// Against sums in double of what the product takes: y is off by roundings in f32 alone, and what is taken is off by half a step.
    @Test(arguments: cases) func values(_ format: MatrixFormat, _ tier: InstructionSet) throws {
        var random = SeededRandom()
        let workspace = Workspace()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        for (outputs, inputs, rows) in [(3, 5, 2), (70, 300, 20), (300, 70, 33)] {
            let weights = random.floats(outputs * inputs)
            let matrix = try PackedMatrix(format, outputs: outputs, inputs: inputs, weights: weights, pool: pool)
            let (x, start, bias) = (random.matrix(rows, inputs), random.matrix(rows, outputs), random.floats(outputs))
            let (stored, biased, added) = (Matrix(rows, outputs), Matrix(rows, outputs), Matrix(copying: start.view))
            matrix.multiply(x.view, into: stored.view, pool: pool, workspace: workspace)
            matrix.multiply(x.view, into: biased.view, bias: bias, pool: pool, workspace: workspace)
            matrix.multiply(x.view, into: added.view, .add(scale: 0.75), pool: pool, workspace: workspace)
            let oracle = ProductOracle(matrix)
            for row in Set([0, rows / 2, rows - 1]) {
                let taken = oracle.taken(x.view.row(row))
                for output in 0..<outputs {
                    let wanted = oracle.product(taken, output)
                    #expect(abs(Double(stored.view[row, output]) - wanted.sum) <= wanted.rounding)
                    let plain = oracle.plainSum(x.view.row(row), output)
                    #expect(abs(wanted.sum - plain) <= wanted.steps, "what is taken is not x")
                    #expect(biased.view[row, output] == stored.view[row, output] + bias[output])
                    // Two roundings at most: of the product, and of the sum.
                    let (before, update) = (Double(start.view[row, output]), 0.75 * Double(stored.view[row, output]))
                    #expect(abs(Double(added.view[row, output]) - before - update) <= 0x1p-23 * (abs(before) + 2 * abs(update)))
                }
            }
        }
    }

    /// The fused product gives the bits of its two steps.
    @Test(arguments: cases) func activationAndProductAreTheTwoSteps(_ format: MatrixFormat, _ tier: InstructionSet) throws {
        var random = SeededRandom()
        let workspace = Workspace()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        for (outputs, inputs, rows) in [(5, 7, 1), (70, 300, 20), (33, 1100, 40)] {
            let weights = random.floats(outputs * inputs)
            let matrix = try PackedMatrix(format, outputs: outputs, inputs: inputs, weights: weights, pool: pool)
            for activation in Activation.allCases {
                for width in [inputs, 2 * inputs] {
                    let (x, bias) = (random.matrix(rows, width, -4...4), random.floats(outputs))
                    let (activated, wanted, got) = (Matrix(rows, inputs), Matrix(rows, outputs), Matrix(rows, outputs))
                    RowOperations.activate(x.view, activation, into: activated.view, pool: pool)
                    matrix.multiply(activated.view, into: wanted.view, bias: bias, pool: pool, workspace: workspace)
                    matrix.multiplyActivated(x.view, activation, into: got.view, bias: bias, pool: pool, workspace: workspace)
                    expectSameBits(got.elements, wanted.elements, "\(activation), \(rows) rows of [\(outputs), \(inputs)]")
                    #expect(got.guardsHold && got.elements.contains { $0 != 0 })
                }
            }
        }
    }

    @Test(arguments: [MatrixFormat.f32, .bf16]) func copiesRows(_ format: MatrixFormat) throws {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2)
        // Values that bf16 holds exactly.
        let weights = (0..<150 * 33).map { _ in Float(Int.random(in: -128...127, using: &random)) / 64 }
        let matrix = try PackedMatrix(format, outputs: 150, inputs: 33, weights: weights, pool: pool)
        for index in 0..<150 {
            var row = [Float](repeating: 0, count: 33)
            matrix.copyRow(index, into: &row)
            #expect(row == Array(weights[index * 33..<(index + 1) * 33]))
        }
        #expect(matrix.byteCount == (format == .f32 ? 150 * 33 * 4 : 160 * 34 * 2))
    }

    @Test(arguments: MatrixFormat.all) func rethrowsTheErrorOfFill(_ format: MatrixFormat) {
        struct Broken: Error, Equatable { let row: Int }
        let pool = WorkerPool(threads: 3)
        #expect(throws: Broken(row: 128)) {
            _ = try PackedMatrix(format: format, outputs: 500, inputs: 8, pool: pool) { range, _ in
                if range.contains(128) { throw Broken(row: 128) }
            }
        }
    }

    @Test func nothingToDo() throws {
        let pool = WorkerPool(threads: 2)
        let workspace = Workspace()
        let matrix = try PackedMatrix(.bf16, outputs: 0, inputs: 4, weights: [], pool: pool)
        matrix.multiply(Matrix(2, 4).view, into: Matrix(2, 0).view, pool: pool, workspace: workspace)
        let other = try PackedMatrix(.f32, outputs: 3, inputs: 4, weights: Array(repeating: 1, count: 12), pool: pool)
        other.multiply(Matrix(0, 4).view, into: Matrix(0, 3).view, pool: pool, workspace: workspace)
        // No inputs: an empty sum.
        for format in MatrixFormat.all {
            let empty = try PackedMatrix(format, outputs: 3, inputs: 0, weights: [], pool: pool)
            let y = Matrix(2, 3)
            y.view.fill(5)
            empty.multiply(Matrix(2, 0).view, into: y.view, pool: pool, workspace: workspace)
            #expect(y.elements == Array(repeating: 0, count: 6))
        }
    }
}
