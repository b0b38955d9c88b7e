import Adapters
import Checkpoints
import Foundation
import Tensors
import Testing

/// Adapters written by PyPI `peft`, against what it computes from them.
@Suite struct LoRAGoldenTests {
    @Test(arguments: AdapterFormat.allCases) func everyDeltaEqualsPEFT(format: AdapterFormat) throws {
        let goldens = try Goldens()
        #expect(goldens.loras.count >= 10)
        let tolerance: Float = format == .f32 ? 1e-5 : format == .bf16 ? 1e-2 : 2e-2
        for name in goldens.loras {
            let folder = goldens.folder.appendingPathComponent("lora").appendingPathComponent(name)
            let expected = try SafetensorsFile(path: folder.appendingPathComponent("expected.safetensors").path)
            for pool in poolsOfAllTiers() {
                let lora = try LoRAAdapter.load(
                    folder: folder, name: name, digest: "d", shape: goldens.shape, format: format, pool: pool)
                var compared = 0
                for layer in 0..<goldens.shape.layers {
                    for module in ProjectionModule.allCases {
                        let path = try #require(Architecture.llama.weights.module(module, layer: layer))
                        guard expected.info("\(path).delta") != nil else {
                            #expect(lora.update(layer: layer, module: module) == nil, "\(name): \(path) is not targeted")
                            continue
                        }
                        let update = try #require(lora.update(layer: layer, module: module), "\(name): \(path) is targeted")
                        let x = Matrix(try expected.floats("\(path).input"), columns: goldens.shape.inputs(module))
                        let y = Matrix(
                            [Float](repeating: 1, count: x.rows * goldens.shape.outputs(module)), columns: goldens.shape.outputs(module))
                        update.apply(x: x.view, into: y.view, strength: 0.5, pool: pool, workspace: Workspace())
                        let wanted = try expected.floats("\(path).delta").map { 1 + 0.5 * $0 }
                        let error = relativeError(y.values, wanted)
                        #expect(error < tolerance, "\(name), \(path), \(format), \(pool.instructionSet)")
                        compared += 1
                    }
                }
                #expect(compared == expected.tensorNames.count / 2)
            }
        }
    }

    @Test func ranksAndSizes() throws {
        let goldens = try Goldens()
        let pool = WorkerPool(threads: 1)
        func load(_ name: String) throws -> LoRAAdapter {
            try LoRAAdapter.load(
                folder: goldens.folder.appendingPathComponent("lora/\(name)"), name: name, digest: "d", shape: goldens.shape,
                format: .f32, pool: pool)
        }
        #expect(try load("plain").ranks == [4])
        #expect(try load("patterns").ranks == [2, 3, 4, 6])
        let perLayer = (48 + 48) * 4 + (48 + 24) * 2 + (48 + 48) + (48 + 80) * 3
        #expect(try load("plain").byteCount == 4 * 4 * (perLayer - (48 + 48) * 3) * 3)
    }
}
