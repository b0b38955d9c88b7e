import Adapters
import Models
import Tensors

/// Activations of a frozen decoder, a chunk at a time.
final class FrozenActivations: ActivationReader {
    private let decoder: FrozenDecoder
    private let hookpoints: [HookPoint]
    private let layers: Int
    private let workspace = Workspace()
    private let h: MatrixView
    private let trace: LayerTrace
    private let pass: LayerPass

    init(decoder: FrozenDecoder, hookpoints: [HookPoint], length: Int, pool: WorkerPool) {
        (self.decoder, self.hookpoints) = (decoder, hookpoints)
        layers = (hookpoints.map(\.layer).max() ?? 0) + 1
        precondition(layers <= decoder.layers.count, "FrozenActivations: \(layers) layers of \(decoder.layers.count)")
        let (cosSin, inverse) = decoder.rotaryTables(rows: length, pool: pool, workspace: workspace)
        h = workspace.matrix(length, decoder.config.hiddenSize)
        trace = LayerTrace(config: decoder.config, rows: length, rank: 0)
        pass = LayerPass(
            config: decoder.config, pool: pool, workspace: workspace, cosSin: cosSin, inverseCosSin: inverse, lora: nil, dropout: nil)
    }

    /// Bytes of a layer's trace, and roughly of what its products and attention need beside it.
    static func byteCount(config: ModelConfig, length: Int, threads: Int) -> Int {
        let tables = 4 * length * (2 * config.headDim + 3 * config.hiddenSize)
        return 2 * (tables + CausalAttention.byteCount(rows: length, threads: threads))
            + LayerTrace.byteCount(config: config, rows: length, rank: 0)
    }

    func read(
        _ chunks: [[Int32]], into targets: [UnsafeMutablePointer<Float>], wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int {
        var written = 0
        for chunk in chunks {
            let rows = chunk.indices.filter { wanted($0, chunk[$0]) }
            run(chunk) { hookpoint, output in
                for (place, target) in zip(hookpoints, targets) where place == hookpoint {
                    let width = output.columns
                    for (index, row) in rows.enumerated() {
                        (target + (written + index) * width).update(from: output.row(row), count: width)
                    }
                }
            }
            written += rows.count
        }
        return written
    }

    private func run(_ tokens: [Int32], observe: (HookPoint, MatrixView) -> Void) {
        decoder.embed(tokens, into: h)
        for (index, layer) in decoder.layers[..<layers].enumerated() {
            layer.forward(h, trace: trace, pass: pass) { observe(.mlp(layer: index), $0) }
            observe(.residual(layer: index), h)
        }
    }
}
