import Foundation
import TestRandomness
import Testing

@testable import Tensors

/// Draws from a row of logits against the distribution in double.
@Suite struct DrawTests {
    private static let lengths = [1, 7, 8, 33, 1023, 1024, 1025, 5000]
    private let workspace = Workspace()

    private func draw(
        _ row: [Float], temperature: Float = 1, minP: Float = 0, uniform: Double, on tier: InstructionSet
    ) -> Int {
        var row = row
        return RowOperations.draw(
            &row, count: row.count, temperature: temperature, minP: minP, uniform: uniform, workspace: workspace, on: tier)
    }

    /// The drawn element's share of the distribution holds `uniform`, up to rounding.
    @Test(arguments: InstructionSet.available) func theDrawnShareHoldsTheUniformNumber(_ tier: InstructionSet) {
        var random = SeededRandom()
        for count in Self.lengths {
            for (temperature, minP) in [(1, 0), (0.6, 0), (3, 0), (1, 0.3)] as [(Float, Float)] {
                var row = (0..<count).map { _ in Float.random(in: -6...6, using: &random) }
                if count > 4 {
                    row[1] = .nan
                    row[count - 1] = -.infinity
                    row[3] = -1e9
                }
                let largest = row.filter { !$0.isNaN }.max()!
                let weights = row.map { value -> Double in
                    let weight = exp((Double(value) - Double(largest)) / Double(temperature))
                    return weight.isNaN || weight < Double(minP) ? 0 : weight
                }
                let total = weights.reduce(0, +)
                var below = [0.0]
                for weight in weights { below.append(below.last! + weight / total) }
                for uniform in [0, 0.5, 1 - 0x1p-53] + (0..<20).map({ _ in Double.random(in: 0..<1, using: &random) }) {
                    let index = draw(row, temperature: temperature, minP: minP, uniform: uniform, on: tier)
                    #expect(weights[index] > 0, "\(count) elements")
                    #expect(
                        below[index] <= uniform + 1e-5 && uniform <= below[index + 1] + 1e-5,
                        "\(count) elements, temperature \(temperature), min-p \(minP), \(uniform) gave \(index)")
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available) func whatEqualsTheFloorIsKept(_ tier: InstructionSet) {
        #expect((0..<8).map { draw([2, 1, 2, 0], minP: 1, uniform: Double($0) / 8, on: tier) } == [0, 0, 0, 0, 2, 2, 2, 2])
    }

    @Test(arguments: InstructionSet.available) func rowsWithoutADistributionGiveNothing(_ tier: InstructionSet) {
        #expect(draw([1, .infinity, 3, .infinity], uniform: 0.9, on: tier) == -1)
        #expect(draw([-.infinity, -.infinity], uniform: 0.9, on: tier) == -1)
        #expect(draw([.nan, .nan, .nan], uniform: 0.9, on: tier) == -1)
        #expect(draw([.nan, 1, -.infinity], uniform: 0.9, on: tier) == 1)
    }
}
