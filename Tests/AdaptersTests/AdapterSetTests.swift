import Adapters
import Foundation
import Tensors
import TestRandomness
import Testing

@Suite struct AdapterSetTests {
    @Test func tablesKeepTheRequestsOrder() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(0, .q), (3, .down)], seed: 1)
        let first = try SmallAdapters.loadLoRA(folder)
        let second = try SmallAdapters.loadLoRA(folder)
        let sae = try SmallAdapters.sae()
        let other = try SmallAdapters.sae(hookpoint: "layers.2.mlp")
        let observe = try Intervention(sae: sae, mode: .observe, top: 2)
        let splice = try Intervention(sae: sae, mode: .splice)
        let edit = try Intervention(sae: other, mode: .edit, edits: [LatentEdit(latent: 1, op: .ablate)])
        let set = AdapterSet([.sae(splice), .lora(first, scale: 0.5), .sae(edit), .lora(second, scale: 2), .sae(observe)])

        #expect(set.loras(layer: 0, module: .q).map(\.strength) == [0.5, 2])
        #expect(set.loras(layer: 0, module: .q)[1].update === second.update(layer: 0, module: .q))
        #expect(set.loras(layer: 3, module: .down).count == 2)
        #expect(set.loras(layer: 1, module: .q).isEmpty && set.loras(layer: 400, module: .q).isEmpty)
        #expect(set.actions(at: .residual(layer: 2)).map(\.intervention?.mode) == [.splice, .observe])
        #expect(set.actions(at: .mlp(layer: 2)).map(\.intervention?.mode) == [.edit])
        #expect(set.actions(at: .residual(layer: 3)).isEmpty && set.actions(at: .mlp(layer: 0)).isEmpty)
        #expect(set.observes && !set.isEmpty)
        #expect(!AdapterSet([.sae(splice)]).observes)
        #expect(set.report.map(\.kind) == [.sae, .lora, .sae, .lora, .sae])
        #expect(set.report[2].edits == edit.edits && set.report[2].hookpoint == .mlp(layer: 2))

        let none = AdapterSet.none
        #expect(none.isEmpty && none.key.isEmpty && !none.observes)
        #expect(none.loras(layer: 0, module: .q).isEmpty && none.actions(at: .residual(layer: 0)).isEmpty)
    }

    /// What steps read holds the request's order too, and leaves out what does nothing.
    @Test func stepsReadTheSameUpdates() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(0, .q), (3, .down)], seed: 1)
        let lora = try SmallAdapters.loadLoRA(folder)
        let set = AdapterSet([.lora(lora, scale: 0.5), .lora(lora, scale: 0), .lora(lora, scale: -2)])
        let places = (0..<5).flatMap { layer in ProjectionModule.allCases.map { set.loraTable.updates(layer: layer, module: $0).count } }
        #expect(places.reduce(0, +) == 4 && !set.loraTable.isEmpty && !set.isHooked)
        #expect(set.loraTable.updates(layer: 3, module: .down).count == 2 && set.loraTable.updates(layer: 400, module: .q).count == 0)
        // In f32 the sums show the order: each is rounded by itself.
        let pool = WorkerPool(threads: 1)
        var generator = SeededRandom(seed: 2)
        let x = Matrix(rows: 2, columns: smallShape.inputs(.q), using: &generator)
        let (got, wanted) = (Matrix(rows: 2, columns: smallShape.outputs(.q), using: &generator), smallShape.outputs(.q))
        let expected = Matrix(got.values, columns: wanted)
        let found = set.loraTable.updates(layer: 0, module: .q)
        #expect(found.count == 2)
        let segment = LowRankSegment(firstRow: 0, rows: 2, column: 0, updates: found.first, count: found.count)
        withUnsafePointer(to: segment) {
            LowRankSegments(start: $0, count: 1).add(of: x.view, to: got.view, pool: pool, workspace: Workspace())
        }
        let update = try #require(lora.update(layer: 0, module: .q))
        update.apply(x: x.view, into: expected.view, strength: 0.5, pool: pool, workspace: Workspace())
        update.apply(x: x.view, into: expected.view, strength: -2, pool: pool, workspace: Workspace())
        #expect(got.values == expected.values)
        #expect(AdapterSet.none.loraTable.isEmpty && AdapterSet([.lora(lora, scale: 0)]).loraTable.isEmpty)
    }

    /// SAE-Tuning leaves B zero below its hook; that such layers are the base's must be seen in every format.
    @Test(arguments: AdapterFormat.allCases) func zeroFactorsAreNoUpdates(_ format: AdapterFormat) throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(0, .q), (3, .down)], rank: 32, seed: 1) { tensors in
            for index in tensors.indices where tensors[index].name.contains("layers.0.") && tensors[index].name.contains("lora_B") {
                tensors[index].values = tensors[index].values.map { _ in 0 }
            }
        }
        let lora = try SmallAdapters.loadLoRA(folder, format: format)
        let set = AdapterSet([.lora(lora, scale: 1)])
        #expect(lora.sharedLayers == 3 && set.sharedLayers == 3)
        #expect(set.loraTable.updates(layer: 0, module: .q).count == 0 && set.loraTable.updates(layer: 3, module: .down).count == 1)
    }

    @Test func keysTellBehavioursApart() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(0, .q)], seed: 1)
        let lora = try SmallAdapters.loadLoRA(folder)
        let sae = try SmallAdapters.sae()
        func edit(_ latent: Int, _ value: Float, strength: Float = 1, scope: InterventionScope = .all, top: Int = 0) throws -> AdapterSet {
            let edits = [LatentEdit(latent: latent, op: .add, value: value)]
            return AdapterSet([.sae(try Intervention(sae: sae, mode: .edit, edits: edits, strength: strength, scope: scope, top: top))])
        }
        let different = [
            AdapterSet.none, AdapterSet([.lora(lora, scale: 1)]), AdapterSet([.lora(lora, scale: 0.5)]),
            AdapterSet([.lora(lora, scale: 1), .lora(lora, scale: 0.5)]), AdapterSet([.lora(lora, scale: 0.5), .lora(lora, scale: 1)]),
            try edit(1, 2), try edit(2, 2), try edit(1, 3), try edit(1, 2, strength: 2), try edit(1, 2, scope: .prompt),
            try edit(1, 2, scope: .window(0..<9)), try edit(1, 2, top: 1),
            AdapterSet([.sae(try Intervention(sae: sae, mode: .splice))]),
            AdapterSet([.sae(try Intervention(sae: sae, mode: .observe, top: 1))]),
            AdapterSet([.sae(try Intervention(sae: SmallAdapters.sae(hookpoint: "layers.3"), mode: .splice))]),
        ]
        #expect(Set(different.map(\.key)).count == different.count)
        for (index, set) in different.enumerated() {
            for (other, another) in different.enumerated() { #expect(set.plainKey.isEqual(to: another.plainKey) == (index == other)) }
        }
        #expect(try edit(1, 2).key == edit(1, 2).key)
        let (first, second) = (try edit(1, 2), try edit(1, 2))
        #expect(first.plainKey.isEqual(to: second.plainKey))
    }
}
