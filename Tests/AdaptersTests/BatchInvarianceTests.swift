import Adapters
import Foundation
import Tensors
import TestRandomness
import Testing

/// A row's result has the same bits alone, in any batch, at any place, on any number of threads.
@Suite struct BatchInvarianceTests {
    private let seed = SeededRandom.seed()

    private static let rows = 150

    @Test(arguments: FloatFormat.allCases) func interventions(format: FloatFormat) throws {
        var generator = SeededRandom(seed: seed)
        let edits = [LatentEdit(latent: 7, op: .set, value: 3), LatentEdit(latent: 8, op: .add, value: -2)]
        let plain = try SmallAdapters.sae(format: format)
        let transcoder = try SmallAdapters.sae(hookpoint: "layers.1.mlp", skip: true, transcode: true, format: format)
        let interventions = [
            try Intervention(sae: plain, mode: .splice), try Intervention(sae: plain, mode: .edit, edits: edits, strength: 0.7),
            try Intervention(sae: transcoder, mode: .splice), try Intervention(sae: transcoder, mode: .edit, edits: edits),
        ]
        let before = Matrix(rows: Self.rows, columns: smallShape.hiddenSize, using: &generator)
        let input = Matrix(rows: Self.rows, columns: smallShape.hiddenSize, using: &generator)
        for tier in InstructionSet.available {
            for (number, intervention) in interventions.enumerated() {
                var results: [[Float]] = []
                for (threads, portions) in [(1, [Self.rows]), (2, [Self.rows]), (3, Self.ragged(&generator)), (2, Self.ones)] {
                    let pool = WorkerPool(threads: threads, instructionSet: tier)
                    let workspace = Workspace()
                    let h = Matrix(before.values, columns: before.columns)
                    var start = 0
                    for portion in portions {
                        let range = start..<start + portion
                        intervention.apply(
                            to: h.view.rows(range), input: input.view.rows(range), rows: [RowContext].sequence(portion, from: start),
                            observations: nil, pool: pool, workspace: workspace)
                        start += portion
                    }
                    results.append(h.values)
                }
                #expect(results.allSatisfy { $0 == results[0] }, "intervention \(number), \(format), \(tier)")
                #expect(results[0] != before.values)
            }
        }
    }

    @Test(arguments: AdapterFormat.allCases, [5, 32]) func loras(format: AdapterFormat, rank: Int) throws {
        var generator = SeededRandom(seed: seed)
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(0, .k), (3, .down)], rank: rank, seed: seed)
        let lora = try SmallAdapters.loadLoRA(folder, format: format)
        for (layer, module) in [(0, ProjectionModule.k), (3, .down)] {
            let update = try #require(lora.update(layer: layer, module: module))
            let x = Matrix(rows: Self.rows, columns: smallShape.inputs(module), using: &generator)
            let outputs = smallShape.outputs(module)
            // The module's columns inside a wider matrix, as the fused projections have them.
            let wide = Matrix(rows: Self.rows, columns: outputs + 24, using: &generator)
            for tier in InstructionSet.available {
                var results: [[Float]] = []
                for (threads, portions) in [(1, [Self.rows]), (2, [Self.rows]), (3, Self.ragged(&generator)), (2, Self.ones)] {
                    let pool = WorkerPool(threads: threads, instructionSet: tier)
                    let y = Matrix(wide.values, columns: wide.columns)
                    var start = 0
                    for portion in portions {
                        let range = start..<start + portion
                        update.apply(
                            x: x.view.rows(range), into: y.view.rows(range).columns(16..<16 + outputs), strength: 0.9, pool: pool,
                            workspace: Workspace())
                        start += portion
                    }
                    results.append(y.values)
                }
                #expect(results.allSatisfy { $0 == results[0] }, "\(module), \(format), \(tier)")
                for row in 0..<Self.rows {
                    let (own, old) = (results[0][row * wide.columns..<(row + 1) * wide.columns], wide.row(row))
                    #expect(Array(own.prefix(16)) == Array(old.prefix(16)) && Array(own.suffix(8)) == Array(old.suffix(8)))
                    #expect(Array(own) != old)
                }
            }
        }
    }

    @Test func strengthZeroLeavesTheBits() throws {
        var generator = SeededRandom(seed: seed)
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(0, .k)], seed: seed)
        let update = try #require(try SmallAdapters.loadLoRA(folder).update(layer: 0, module: .k))
        let x = Matrix(rows: 3, columns: smallShape.inputs(.k), using: &generator)
        let y = Matrix([Float](repeating: -0.0, count: 3 * smallShape.outputs(.k)), columns: smallShape.outputs(.k))
        update.apply(x: x.view, into: y.view, strength: 0, pool: WorkerPool(threads: 1), workspace: Workspace())
        #expect(y.values.allSatisfy { $0.bitPattern == Float(-0.0).bitPattern })
    }

    private static let ones = [Int](repeating: 1, count: rows)

    private static func ragged(_ generator: inout SeededRandom) -> [Int] {
        var portions: [Int] = []
        while portions.reduce(0, +) < rows {
            portions.append(min(Int.random(in: 1...40, using: &generator), rows - portions.reduce(0, +)))
        }
        return portions
    }
}
