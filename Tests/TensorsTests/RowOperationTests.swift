import Foundation
import TestRandomness
import Testing

@testable import Tensors

/// The Swift face: shapes, strides, and that a row never depends on its neighbours or on the threads.
@Suite struct RowOperationTests {
    private func check(
        _ tier: InstructionSet, rows: Int, columns: Int, outColumns: Int, using random: inout SeededRandom,
        _ body: (_ x: MatrixView, _ out: MatrixView, _ firstRow: Int, _ pool: WorkerPool) -> Void
    ) {
        let x = random.matrix(rows, columns, -5...5)
        let alone = (0..<rows).flatMap { row in
            let out = Matrix(1, outColumns)
            body(x.view.rows(row..<row + 1), out.view, row, WorkerPool(threads: 1, instructionSet: tier))
            return out.elements
        }
        for threads in [1, 2, 3] {
            let out = Matrix(rows, outColumns)
            body(x.view, out.view, 0, WorkerPool(threads: threads, instructionSet: tier))
            #expect(out.guardsHold)
            expectSameBits(out.elements, alone)
        }
    }

    @Test(arguments: InstructionSet.available) func rowsAreIndependent(_ tier: InstructionSet) {
        var random = SeededRandom()
        for columns in [6, 64, 70, 500] {
            // 100 rows of 500 are shared out over the pool; the others stay with the caller.
            for rows in [1, 3, 100] {
                let weight = random.floats(columns)
                check(tier, rows: rows, columns: columns, outColumns: columns, using: &random) { x, out, _, pool in
                    RowOperations.rmsNorm(x, weight: weight, epsilon: 1e-5, into: out, pool: pool)
                }
                for bias in [nil, random.floats(columns)] {
                    check(tier, rows: rows, columns: columns, outColumns: columns, using: &random) { x, out, _, pool in
                        if let bias {
                            RowOperations.layerNorm(x, weight: weight, bias: bias, epsilon: 1e-5, into: out, pool: pool)
                        } else {
                            RowOperations.layerNorm(x, weight: weight, bias: nil, epsilon: 1e-5, into: out, pool: pool)
                        }
                    }
                }
                for activation in Activation.allCases {
                    for outColumns in [columns / 2, columns] {
                        check(tier, rows: rows, columns: columns, outColumns: outColumns, using: &random) { x, out, _, pool in
                            RowOperations.activate(x, activation, into: out, pool: pool)
                        }
                    }
                }
                check(tier, rows: rows, columns: columns, outColumns: columns, using: &random) { x, out, _, pool in
                    out.copy(from: x)
                    RowOperations.scale(out, by: 22.6, pool: pool)
                    RowOperations.cap(out, at: 30, pool: pool)
                }
                check(tier, rows: rows, columns: columns, outColumns: columns, using: &random) { x, out, _, pool in
                    RowOperations.add(x, to: out, pool: pool)
                    RowOperations.add(x, to: out, pool: pool)
                }
                let cosSin = random.matrix(rows, columns / 2)
                for layout in [RotaryLayout.half, .interleaved] where columns % 4 == 0 {
                    check(tier, rows: rows, columns: columns, outColumns: columns, using: &random) { x, out, first, pool in
                        out.copy(from: x)
                        RowOperations.rotate(
                            out, heads: 2, headDim: columns / 2, cosSin: cosSin.view.rows(first..<first + x.rows), layout: layout,
                            pool: pool)
                    }
                }
            }
        }
    }

    /// What a gate and its absence mean, and that nothing but the columns decides.
    @Test(arguments: InstructionSet.available) func gates(_ tier: InstructionSet) {
        let pool = WorkerPool(threads: 1, instructionSet: tier)
        let (x, gated, plain) = (Matrix(1, 4), Matrix(1, 2), Matrix(1, 4))
        for (column, value) in [Float(1), -2, 3, 5].enumerated() { x.view[0, column] = value }
        for (activation, one, minusTwo) in [
            (Activation.silu, 0.7310586, -0.2384058), (.gelu, 0.8413447, -0.0455003), (.geluTanh, 0.8411920, -0.0454023),
        ] as [(Activation, Float, Float)] {
            RowOperations.activate(x.view, activation, into: plain.view, pool: pool)
            #expect(abs(plain.view[0, 0] - one) < 1e-6 && abs(plain.view[0, 1] - minusTwo) < 1e-6, "\(activation)")
            RowOperations.activate(x.view, activation, into: gated.view, pool: pool)
            #expect(gated.elements == [plain.view[0, 0] * 3, plain.view[0, 1] * 5], "\(activation)")
        }
        RowOperations.scale(x.view, by: 2, pool: pool)
        #expect(x.elements == [2, -4, 6, 10])
        RowOperations.cap(x.view, at: 4, pool: pool)
        for (got, wanted) in zip(x.elements, [2, -4, 6, 10] as [Double]) { #expect(abs(Double(got) - 4 * tanh(wanted / 4)) < 3e-6) }
        RowOperations.layerNorm(x.view, weight: [1, 1, 1, 1], bias: [0, 0, 0, 7], epsilon: 0, into: plain.view, pool: pool)
        let centred = plain.elements.map(Double.init).enumerated().map { $1 - ($0 == 3 ? 7 : 0) }
        #expect(abs(centred.reduce(0, +)) < 3e-6 && abs(centred.reduce(0) { $0 + $1 * $1 } - 4) < 3e-6)
    }

    @Test func rotaryTable() {
        let pool = WorkerPool(threads: 2)
        let frequencies: [Float] = (0..<32).map { Float(pow(10000, -Double($0) / 32)) }
        let positions: [Int32] = [0, 1, 77, 4095, 131071]
        let table = Matrix(5, 64)
        RowOperations.rotaryTable(
            positions: positions, count: 5, inverseFrequencies: frequencies, half: 32, scale: 1.5, into: table.view, pool: pool)
        #expect(table.guardsHold)
        for (row, position) in positions.enumerated() {
            for i in 0..<32 {
                let angle = Double(Float(position) * frequencies[i])
                #expect(abs(Double(table.view[row, i]) - 1.5 * cos(angle)) < 3e-7)
                #expect(abs(Double(table.view[row, 32 + i]) - 1.5 * sin(angle)) < 3e-7)
            }
        }
        #expect(table.view.rows(0..<1).elements == Array(repeating: 1.5, count: 32) + Array(repeating: 0, count: 32))
    }

    @Test(arguments: InstructionSet.available) func singleRows(_ tier: InstructionSet) {
        let x: [Float] = [1, 3, -2, 3, 0]
        #expect(RowOperations.argmax(x, count: 5, on: tier) == 1)
        #expect(abs(RowOperations.logSumExp(x, count: 5, on: tier) - 3.7847504) < 1e-5)
        #expect(RowOperations.dot(x, x, count: 5, on: tier) == 23)
        #expect(RowOperations.sumOfSquares(x, count: 5, on: tier) == 23)
        var y = x
        RowOperations.axpy(2, x, count: 5, to: &y, on: tier)
        #expect(y == [3, 9, -6, 9, 0])
        var probabilities = x
        tier.kernels.pointee.softmax(5, &probabilities)
        #expect(abs(probabilities.reduce(0, +) - 1) < 1e-6 && probabilities[1] == probabilities[3])
        var indices = [Int32](repeating: -1, count: 3)
        var values = [Float](repeating: 0, count: 3)
        #expect(RowOperations.topK(x, count: 5, k: 3, into: &indices, values: &values, on: tier) == 3)
        #expect(indices == [1, 3, 0] && values == [3, 3, 1])
        RowOperations.groupMax(x, count: 4, groups: 2, into: &indices, values: &values, on: tier)
        #expect(indices[0] == 1 && indices[1] == 3)
    }
}
