import Adapters
import Models
import Tensors

/// What a layer's forward pass computed and its backward pass reads, for T tokens. Kept per layer where memory allows; otherwise only the
/// layer's input is kept and one shared trace is filled again before the layer's backward pass.
final class LayerTrace {
    let input: MatrixView
    let attentionInput: MatrixView
    /// What their norms read; `q` and `k` themselves where there is none.
    let plainQuery: MatrixView
    let plainKey: MatrixView
    /// Rotated.
    let q: MatrixView
    let k: MatrixView
    let v: MatrixView
    /// What attention gave, before o_proj.
    let mixed: MatrixView
    /// The residual stream between attention and feed-forward.
    let middle: MatrixView
    let feedForwardInput: MatrixView
    /// Gate in columns 0..<F, up after it.
    let gateUp: MatrixView
    let activated: MatrixView
    /// A x of every projection, [T, rank].
    let reduced: [MatrixView]
    private let buffer: AlignedBuffer<Float>

    init(config: ModelConfig, rows: Int, rank: Int) {
        let widths = Self.widths(config, rank: rank)
        buffer = AlignedBuffer(count: widths.reduce(0) { $0 + $1 * rows })
        var offset = 0
        var views: [MatrixView] = []
        for width in widths {
            views.append(MatrixView(pointer: buffer.pointer + offset, rows: rows, columns: width))
            offset += width * rows
        }
        (input, attentionInput, q, k, v, mixed, middle) = (views[0], views[1], views[2], views[3], views[4], views[5], views[6])
        (feedForwardInput, gateUp, activated) = (views[7], views[8], views[9])
        let modules = ProjectionModule.allCases.count
        reduced = Array(views[10..<10 + modules])
        (plainQuery, plainKey) = views.count > 10 + modules ? (views[10 + modules], views[11 + modules]) : (q, k)
    }

    static func byteCount(config: ModelConfig, rows: Int, rank: Int) -> Int {
        4 * rows * widths(config, rank: rank).reduce(0, +)
    }

    private static func widths(_ config: ModelConfig, rank: Int) -> [Int] {
        let (hidden, query, kv) = (config.hiddenSize, config.heads * config.headDim, config.kvHeads * config.headDim)
        return [hidden, hidden, query, kv, kv, query, hidden, hidden, 2 * config.ffnSize, config.ffnSize]
            + Array(repeating: rank, count: ProjectionModule.allCases.count) + (config.family.weights.holds(.queryNorm) ? [query, kv] : [])
    }
}
