import Adapters
import Tensors
import Testing

@Suite struct LoRANormTests {
    /// Against the product itself, in f64.
    @Test(arguments: [(AdapterFormat.f32, 5), (.bf16, 5), (.int8, 24)]) func isThatOfTheProduct(format: AdapterFormat, rank: Int) throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(to: folder, modules: [(1, .q), (2, .down)], rank: rank, seed: 8)
        let lora = try SmallAdapters.loadLoRA(folder, format: format)
        #expect(lora.updates.map(\.layer) == [1, 2] && lora.updates.map(\.module) == [.q, .down])
        for (_, _, update) in lora.updates {
            var sum = 0.0
            let (a, b) = (rows(update.a), rows(update.b))
            for output in b {
                for column in 0..<update.a.inputs {
                    var product = 0.0
                    for index in 0..<update.rank { product += output[index] * a[index][column] }
                    sum += product * product
                }
            }
            let wanted = abs(Double(update.scale)) * sum.squareRoot()
            #expect(abs(update.norm(on: .scalar, workspace: Workspace()) - wanted) < 1e-4 * wanted && wanted > 0)
        }
    }

    private func rows(_ matrix: PackedMatrix) -> [[Double]] {
        (0..<matrix.outputs).map { row in
            let buffer = AlignedBuffer<Float>(count: matrix.inputs)
            matrix.copyRow(row, into: buffer.pointer)
            return (0..<matrix.inputs).map { Double(buffer.pointer[$0]) }
        }
    }
}
