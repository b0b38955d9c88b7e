import Adapters
import Testing

@Suite struct HookPointTests {
    @Test func namesAreReadAndWritten() {
        #expect(HookPoint("layers.12") == .residual(layer: 12))
        #expect(HookPoint("model.layers.0") == .residual(layer: 0))
        #expect(HookPoint("layers.27.mlp") == .mlp(layer: 27))
        #expect(HookPoint("model.layers.3.mlp") == .mlp(layer: 3))
        for point in [HookPoint.residual(layer: 4), .mlp(layer: 31)] { #expect(HookPoint(point.description) == point) }
    }

    @Test(arguments: [
        "", "layers", "layers.", "layers.x", "layers.-1", "layers.+1", "layers.1.", "layers.1.attn", "layers.1.mlp.up", "Layers.1",
        "model.model.layers.1", "layers.1 ", "layers.99999999999999999999", "layers.١", "model", ".layers.1", "model.layers",
    ])
    func otherNamesAreNot(name: String) {
        #expect(HookPoint(name) == nil)
    }

    @Test func orderIsThatOfTheForwardPass() {
        let points: [HookPoint] = [.residual(layer: 1), .mlp(layer: 1), .residual(layer: 0), .mlp(layer: 0)]
        #expect(points.sorted() == [.mlp(layer: 0), .residual(layer: 0), .mlp(layer: 1), .residual(layer: 1)])
    }
}
