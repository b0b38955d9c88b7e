import Adapters
import Measuring
import Models
import Tensors

/// What one pass over a sequence is told: never ambient, always an argument.
struct LayerPass {
    let config: ModelConfig
    let pool: WorkerPool
    let workspace: Workspace
    /// [T, headDim], and the same with sines negated, which undoes a rotation.
    let cosSin: MatrixView
    let inverseCosSin: MatrixView
    /// Nil for the base model.
    var lora: LoRAParameters?
    var dropout: Dropout?

    /// Dropout on what goes into A, by PEFT's rule. Masks follow from `key`, the projection and the element's place: the backward pass and a
    /// recomputed layer meet the same ones.
    struct Dropout {
        let rate: Float
        let key: UInt64

        func apply(_ x: MatrixView, entry: Int, into y: MatrixView, pool: WorkerPool) {
            RowOperations.dropout(x, key: KeyedRandom.key(key, .dropout, entry), rate: rate, into: y, pool: pool)
        }
    }
}

/// One of a layer's seven linear maps: the frozen weight, its bias, and where its LoRA is found.
struct AdaptedProjection {
    let matrix: FrozenMatrix
    let bias: FrozenVector?
    let layer: Int
    /// Its number in `ProjectionModule.allCases`.
    let slot: Int

    /// y = W x + bias + scale * B (A drop(x)). `reduced` [T, rank] receives A drop(x), which the backward pass needs.
    func forward(_ x: MatrixView, into y: MatrixView, reduced: MatrixView, pass: LayerPass) {
        matrix.multiply(x, into: y, bias: bias?.pointer, pool: pass.pool, workspace: pass.workspace)
        guard let (lora, index) = adapter(pass) else { return }
        reduce(x, into: reduced, pass: pass)
        Product.run(reduced, times: lora.b(lora.entries[index]), transposeB: true, into: y, scale: lora.scale, add: true, pool: pass.pool)
    }

    /// A drop(x) alone.
    func reduce(_ x: MatrixView, into reduced: MatrixView, pass: LayerPass) {
        guard let (lora, index) = adapter(pass) else { return }
        let mark = pass.workspace.mark()
        defer { pass.workspace.release(mark) }
        Product.run(dropped(x, index, pass), times: lora.a(lora.entries[index]), transposeB: true, into: reduced, pool: pass.pool)
    }

    /// Adds to the gradients of A and B, and writes (or adds) the gradient of x to `dx`, unless nobody needs it.
    func backward(
        x: MatrixView, reduced: MatrixView, dy: MatrixView, into dx: MatrixView?, add: Bool = false, pass: LayerPass
    ) {
        if let dx { matrix.multiplyTransposed(dy, into: dx, add: add, pool: pass.pool, workspace: pass.workspace) }
        guard let (lora, index) = adapter(pass) else { return }
        let entry = lora.entries[index]
        let (pool, workspace) = (pass.pool, pass.workspace)
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let dReduced = workspace.matrix(x.rows, lora.rank)
        Product.run(dy, times: lora.b(entry), into: dReduced, scale: lora.scale, pool: pool)
        if entry.trains {
            Product.run(
                dy, transposeA: true, times: reduced, into: lora.gradientB(entry), scale: lora.scale, add: true, pool: pool)
            Product.run(dReduced, transposeA: true, times: dropped(x, index, pass), into: lora.gradientA(entry), add: true, pool: pool)
        }
        guard let dx else { return }
        guard let dropout = pass.dropout else {
            return Product.run(dReduced, times: lora.a(entry), into: dx, add: true, pool: pool)
        }
        let part = workspace.matrix(x.rows, x.columns)
        Product.run(dReduced, times: lora.a(entry), into: part, pool: pool)
        dropout.apply(part, entry: index, into: part, pool: pool)
        RowOperations.add(part, to: dx, pool: pool)
    }

    /// The LoRA and its entry for this projection, where it trains or acts.
    private func adapter(_ pass: LayerPass) -> (lora: LoRAParameters, index: Int)? {
        guard let lora = pass.lora, let index = lora.index(layer: layer, module: slot) else { return nil }
        return lora.entries[index].trains || lora.entries[index].acts ? (lora, index) : nil
    }

    private func dropped(_ x: MatrixView, _ index: Int, _ pass: LayerPass) -> MatrixView {
        guard let dropout = pass.dropout else { return x }
        let y = pass.workspace.matrix(x.rows, x.columns)
        dropout.apply(x, entry: index, into: y, pool: pass.pool)
        return y
    }
}

/// An immutable vector of f32 (a norm's weight, a bias), shared by reference.
final class FrozenVector: Sendable {
    private let buffer: AlignedBuffer<Float>

    init(_ values: [Float]) {
        buffer = AlignedBuffer(count: values.count)
        buffer.pointer.update(from: values, count: values.count)
    }

    var pointer: UnsafePointer<Float> { UnsafePointer(buffer.pointer) }
    var count: Int { buffer.count }
}
