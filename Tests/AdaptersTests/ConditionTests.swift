import Foundation
import Tensors
import TestRandomness
import Testing

@testable import Adapters

/// Conditions on latents, against their definition row by row.
@Suite struct ConditionTests {
    private let pool = WorkerPool(threads: 2)
    private static let rows = 90

    private func hidden(_ seed: UInt64) -> Matrix {
        var generator = SeededRandom(seed: seed)
        return Matrix(rows: Self.rows, columns: smallShape.hiddenSize, using: &generator)
    }

    /// Whether `latent` of each row acts more strongly than `above`.
    private func rowsWhere(_ sae: SparseAutoencoder, _ latent: Int, above: Float, _ x: Matrix) -> [Bool] {
        let workspace = Workspace()
        return withExtendedLifetime(workspace) {
            let latents = sae.encode(x.view, pool: pool, workspace: workspace)
            return (0..<x.rows).map { row in
                (0..<latents.count(row: row)).contains {
                    latents.indices(row: row)[$0] == latent && latents.activations(row: row)[$0] > above
                }
            }
        }
    }

    /// A latent and a threshold that some rows pass and others, where it acts too, do not.
    private func choose(_ sae: SparseAutoencoder, _ x: Matrix) throws -> (latent: Int, above: Float) {
        let workspace = Workspace()
        let chosen: (latent: Int, above: Float)? = withExtendedLifetime(workspace) {
            let latents = sae.encode(x.view, pool: pool, workspace: workspace)
            for latent in 0..<sae.latents {
                let found = (0..<x.rows).map { latents.activation(row: $0, latent: Int32(latent)) }.filter { $0 > 0 }.sorted()
                if found.count >= 6 { return (latent, found[found.count / 2]) }
            }
            return nil
        }
        if let chosen { return chosen }
        throw AdapterError.unknown(name: "a latent that acts in six rows", near: [])
    }

    /// All of a set's actions, in the order of the forward pass, on one matrix.
    private func run(_ applied: [AppliedAdapter], _ h: Matrix, observations: ObservationSink? = nil, input: Matrix? = nil) {
        let set = AdapterSet(applied)
        var rows = [RowContext].sequence(h.rows)
        for layer in 0..<smallShape.layers {
            for hookpoint in [HookPoint.mlp(layer: layer), .residual(layer: layer)] {
                for action in set.actions(at: hookpoint) {
                    action.apply(
                        to: h.view, input: input?.view, rows: &rows, observations: observations, pool: pool, workspace: Workspace())
                }
            }
        }
    }

    private func copy(_ matrix: Matrix) -> Matrix { Matrix(matrix.values, columns: matrix.columns) }

    private func interventions(_ sae: SparseAutoencoder, _ condition: LatentCondition?) throws -> [Intervention] {
        let (set, add) = (LatentEdit(latent: 2, op: .set, value: 4), LatentEdit(latent: 2, op: .add, value: 4))
        return [
            try Intervention(sae: sae, mode: .edit, edits: [set], condition: condition),
            // Known without latents, unless the condition wants them.
            try Intervention(sae: sae, mode: .edit, edits: [add], strength: 0.5, scope: .generated, condition: condition),
            try Intervention(sae: sae, mode: .splice, scope: .window(3..<80), condition: condition),
        ]
    }

    @Test func anSAEActsWhereItsOwnLatentOrAnothersDoes() throws {
        let before = hidden(3)
        let own = try SmallAdapters.sae(hookpoint: "layers.2")
        let lower = try SmallAdapters.sae(seed: 2, hookpoint: "layers.1")
        let here = try SmallAdapters.sae(seed: 3, hookpoint: "layers.2")
        let transcoder = try SmallAdapters.sae(seed: 4, hookpoint: "layers.2.mlp", transcode: true)
        let input = hidden(4)
        for (number, reader) in [own, lower, here, transcoder].enumerated() {
            let read = reader.transcode ? input : before
            let (latent, above) = try choose(reader, read)
            let holds = rowsWhere(reader, latent, above: above, read)
            #expect(holds.contains(true) && holds.contains(false))
            let condition = try LatentCondition(sae: reader, latent: latent, above: above)
            for (plain, conditional) in zip(try interventions(own, nil), try interventions(own, condition)) {
                let (everywhere, some) = (copy(before), copy(before))
                run([.sae(plain)], everywhere, input: input)
                run([.sae(conditional)], some, input: input)
                for row in 0..<Self.rows {
                    #expect(some.row(row) == (holds[row] ? everywhere : before).row(row), "reader \(number), \(plain.mode), row \(row)")
                }
                #expect(some.values != before.values && some.values != everywhere.values)
                // Whoever is told of readings is told of every row in scope, and nothing else changes.
                let sink = ObservationSink()
                sink.begin(rows: Self.rows)
                for row in 0..<Self.rows { sink.want(row: row) }
                let observed = copy(before)
                run(
                    [
                        .sae(
                            try Intervention(
                                sae: own, mode: plain.mode, edits: plain.edits, strength: plain.strength, scope: plain.scope,
                                condition: condition, top: 2))
                    ], observed, observations: sink, input: input)
                #expect(observed.values == some.values, "reader \(number), \(plain.mode)")
                for (row, context) in [RowContext].sequence(Self.rows).enumerated() {
                    #expect(sink.readings(row: row).count == (plain.scope.contains(context) ? 1 : 0))
                }
            }
        }
    }

    @Test func aConditionSeesWhatStandsBeforeItInTheRequest() throws {
        let before = hidden(5)
        let reader = try SmallAdapters.sae(seed: 2, hookpoint: "layers.1")
        let sae = try SmallAdapters.sae(hookpoint: "layers.2")
        let (latent, above) = try choose(reader, before)
        let push = try Intervention(sae: reader, mode: .edit, edits: [LatentEdit(latent: latent, op: .add, value: 50)])
        let add = try Intervention(
            sae: sae, mode: .edit, edits: [LatentEdit(latent: 2, op: .add, value: 4)],
            condition: LatentCondition(sae: reader, latent: latent, above: above))
        let (first, last, pushed) = (copy(before), copy(before), copy(before))
        run([.sae(push), .sae(add)], first)
        run([.sae(add), .sae(push)], last)
        run([.sae(push)], pushed)
        let holdsBefore = rowsWhere(reader, latent, above: above, before)
        let holdsAfter = rowsWhere(reader, latent, above: above, pushed)
        #expect(holdsBefore != holdsAfter)
        for row in 0..<Self.rows {
            #expect((first.row(row) != pushed.row(row)) == holdsAfter[row], "row \(row)")
            #expect((last.row(row) != pushed.row(row)) == holdsBefore[row], "row \(row)")
        }
    }

    @Test func vectorsAreAddedWhereALatentActs() throws {
        let folder = try TemporaryFolder()
        try folder.write(#"{"vectors": {"layers.1": "a", "layers.3": "a"}}"#, to: "steering.json")
        try folder.write(Tensor.file([Tensor("a", [24], (0..<24).map { Float($0) })]), to: "vector.safetensors")
        let vectors = try SteeringLayout(folder: folder.url, name: "calm", shape: smallShape).load(digest: "sha256:3")
        let before = hidden(6)
        let reader = try SmallAdapters.sae(seed: 2, hookpoint: "layers.1")
        let (latent, above) = try choose(reader, before)
        let condition = try LatentCondition(sae: reader, latent: latent, above: above)
        let holds = rowsWhere(reader, latent, above: above, before)
        let h = copy(before)
        run([.vector(try Steering(vectors, condition: condition))], h)
        for row in 0..<Self.rows { #expect((h.row(row) != before.row(row)) == holds[row]) }
        let late = try LatentCondition(sae: try SmallAdapters.sae(hookpoint: "layers.2"), latent: 0, above: 0)
        #expect(throws: AdapterError.self) { try Steering(vectors, condition: late) }
        #expect(throws: Never.self) { try Steering(vectors, hookpoints: [.residual(layer: 3)], condition: late) }
    }

    @Test func whatCannotBeACondition() throws {
        let sae = try SmallAdapters.sae(hookpoint: "layers.1")
        #expect(throws: AdapterError.latentOutOfRange(adapter: "sae", latent: 64, latents: 64)) {
            try LatentCondition(sae: sae, latent: 64, above: 1)
        }
        for above in [Float.nan, .infinity, -0.5] {
            #expect(throws: AdapterError.self) { try LatentCondition(sae: sae, latent: 1, above: above) }
        }
        let late = try LatentCondition(sae: try SmallAdapters.sae(hookpoint: "layers.2.mlp"), latent: 1, above: 1)
        let error = #expect(throws: AdapterError.self) { try Intervention(sae: sae, mode: .splice, condition: late) }
        #expect(error?.parameter == "when" && error?.description.contains("layers.2.mlp") == true)
        let observing = #expect(throws: AdapterError.self) {
            try Intervention(sae: sae, mode: .observe, condition: LatentCondition(sae: sae, latent: 1, above: 1), top: 1)
        }
        #expect(observing?.parameter == "when")
    }

    @Test func conditionsArePartOfWhatASetIs() throws {
        let own = try SmallAdapters.sae(hookpoint: "layers.2")
        let lower = try SmallAdapters.sae(hookpoint: "layers.0")
        func set(_ reader: SparseAutoencoder?, _ latent: Int = 1, _ above: Float = 1, scope: InterventionScope = .all) throws -> AdapterSet
        {
            var condition: LatentCondition?
            if let reader { condition = try LatentCondition(sae: reader, latent: latent, above: above) }
            return AdapterSet([.sae(try Intervention(sae: own, mode: .splice, scope: scope, condition: condition))])
        }
        let sets = [
            try set(nil), try set(own), try set(lower), try set(lower, 2), try set(lower, 1, 1.5), try set(nil, scope: .think),
            try set(lower, scope: .think), try set(nil, scope: InterventionScope(.generated, isInsideThink: true)),
        ]
        #expect(Set(sets.map(\.key)).count == sets.count && Set(sets.map(\.cacheKey)).count == sets.count)
        #expect(try set(lower).key == set(lower).key)
        // A row that begins above layer 0 could not read it.
        #expect(sets.map(\.sharedLayers) == [3, 3, 1, 1, 1, 3, 1, 3])
        #expect(sets.map(\.readsThink) == [false, false, false, false, false, true, true, true])
        #expect(sets.map(\.distinguishesPrompt) == [false, false, false, false, false, false, false, true])
        #expect(try set(lower).report[0].condition?.hookpoint == .residual(layer: 0))
    }

    /// A set's conditions have a bit each, and splices their own sums.
    @Test func severalAtOnce() throws {
        let before = hidden(7)
        let reader = try SmallAdapters.sae(seed: 2, hookpoint: "layers.0")
        let saes = try (1...3).map { try SmallAdapters.sae(seed: UInt64($0 + 10), hookpoint: "layers.\($0)") }
        let (latent, above) = try choose(reader, before)
        let conditions = try [0, above, 1e9].map { try LatentCondition(sae: reader, latent: latent, above: $0) }
        let splices = try zip(saes, conditions).map { try Intervention(sae: $0, mode: .splice, condition: $1) }
        let set = AdapterSet(splices.map { .sae($0) })
        let fits = try #require(SpliceFits(set))
        var rows = (0..<Self.rows).map { RowContext(position: Int32($0), promptLength: 50, row: Int32($0), fits: fits.pointer) }
        let h = copy(before)
        var wanted: [(prompt: Int, generated: Int)] = []
        for layer in 0..<smallShape.layers {
            let old = h.values
            for action in set.actions(at: .residual(layer: layer)) {
                action.apply(to: h.view, input: nil, rows: &rows, observations: nil, pool: pool, workspace: Workspace())
            }
            let changed = (0..<Self.rows).filter { h.row($0) != Matrix(old, columns: h.columns).row($0) }
            if layer > 0 { wanted.append((changed.filter { $0 < 50 }.count, changed.filter { $0 >= 50 }.count)) }
        }
        let acting = conditions.map { rowsWhere(reader, latent, above: $0.above, before) }
        #expect(wanted.map { $0.prompt + $0.generated } == acting.map { $0.filter { $0 }.count })
        #expect(fits.quality.map(\.prompt.rows) == wanted.map(\.prompt))
        #expect(fits.quality.map(\.generated.rows) == wanted.map(\.generated))
        #expect(fits.quality[2].prompt.value == nil && fits.quality[0].prompt.value.map { $0 > 0 } == true)
        #expect(SpliceFits(AdapterSet.none) == nil)
    }
}
