import Adapters
import Foundation
import Tensors
import Testing

/// What a DoRA needs of its base, on a base whose rows are all one number. That it computes what PEFT computes show `ReferenceLogitsTests`.
@Suite struct DoRATests {
    private struct Base: BaseProjections {
        var element: Float = 1
        var areCurrent = true

        func read(_ module: ProjectionModule, layer: Int, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
            destination.update(repeating: element, count: rows.count * smallShape.inputs(module))
        }
        func bias(_ module: ProjectionModule, layer: Int) -> [Float]? { nil }
    }

    /// A DoRA on one projection whose B is zero, and whose magnitudes are all `magnitude`.
    private func folder(magnitude: Float) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let config = #"{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": ["q_proj"], "use_dora": true}"#
        try SmallAdapters.writeLoRA(to: folder, modules: [(1, .q)], seed: 2, config: config) { tensors in
            for index in tensors[1].values.indices { tensors[1].values[index] = 0 }
            let outputs = smallShape.outputs(.q)
            tensors.append(
                Tensor(
                    "base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude_vector", [outputs],
                    Array(repeating: magnitude, count: outputs)))
        }
        return folder
    }

    @Test func stretchesEvenWhereBIsZero() throws {
        // Rows of ones are sqrt(inputs) long.
        let length = Float(smallShape.inputs(.q)).squareRoot()
        let stretched = try SmallAdapters.loadLoRA(try folder(magnitude: 2 * length), base: Base())
        let update = try #require(stretched.update(layer: 1, module: .q))
        #expect(!update.doesNothing && stretched.sharedLayers == 1)
        #expect(update.borrowed(strength: 0) == nil && update.borrowed(strength: 0.5) != nil)
        // The base's rows are added once more.
        let change = try update.norm(of: Base(), layer: 1, module: .q, pool: WorkerPool(threads: 1), workspace: Workspace())
        #expect(abs(change - Double(smallShape.outputs(.q) * smallShape.inputs(.q)).squareRoot()) < 1e-4)
    }

    @Test func whatCannotBeComputedIsRefused() throws {
        func error(_ base: Base?) throws -> String {
            let folder = try folder(magnitude: 1)
            return try #require(throws: AdapterError.self) { _ = try SmallAdapters.loadLoRA(folder, base: base) }.description
        }
        #expect(try error(nil).contains("cannot be loaded without a model"))
        #expect(try error(Base(areCurrent: false)).contains("changed after it was loaded"))
        #expect(try error(Base(element: 0)).contains("row 0 of the weights with the update added has length 0"))
    }
}
