import Models
import Tensors

/// A matrix with memory of its own.
final class StoredMatrix {
    private let buffer: AlignedBuffer<Float>
    let view: MatrixView

    init(rows: Int, columns: Int) {
        buffer = AlignedBuffer(count: rows * columns)
        view = MatrixView(pointer: buffer.pointer, rows: rows, columns: columns)
    }

    var byteCount: Int { buffer.count * 4 }
}

/// What frozen layers made of a sequence, kept from one epoch to the next in f32, so that a hit changes no bit. The sequences met first stay:
/// every epoch meets each once, in an order of its own, so none is better to keep than another.
final class StateCache {
    struct States {
        /// After the shared layers and the hook.
        let student: MatrixView
        /// After all layers and the final norm.
        let teacher: MatrixView
        fileprivate let stored: StoredMatrix
    }

    private let limit: Int
    private var taken = 0
    private var known: [Int: States] = [:]

    init(limit: Int) { self.limit = limit }

    func find(_ sequence: Int) -> States? { known[sequence] }

    /// Keeps copies while there is room.
    func keep(_ sequence: Int, student: MatrixView, teacher: MatrixView) {
        let rows = student.rows
        guard taken + 8 * rows * student.columns <= limit else { return }
        let stored = StoredMatrix(rows: 2 * rows, columns: student.columns)
        taken += stored.byteCount
        let states = States(student: stored.view.rows(0..<rows), teacher: stored.view.rows(rows..<2 * rows), stored: stored)
        states.student.copy(from: student)
        states.teacher.copy(from: teacher)
        known[sequence] = states
    }
}

/// Which layers keep what their backward pass reads; the others keep their input and are computed again.
struct TracePlan {
    let layers: Int
    let lowestLayer: Int
    /// The top so many keep everything.
    let kept: Int

    init(config: ModelConfig, rows: Int, rank: Int, lowestLayer: Int, traceBytes: Int) {
        layers = config.layers
        self.lowestLayer = lowestLayer
        let bytes = LayerTrace.byteCount(config: config, rows: rows, rank: rank)
        kept = min(config.layers - lowestLayer, max(0, traceBytes) / max(bytes, 1))
    }

    func isKept(_ layer: Int) -> Bool { layer >= layers - kept }
    func needsInput(_ layer: Int) -> Bool { layer >= lowestLayer && !isKept(layer) }
}
