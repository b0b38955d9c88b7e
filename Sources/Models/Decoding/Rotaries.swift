import Architectures
import Tensors

/// Cosines and sines of a pass for each way in which layers turn heads, at most two of them.
struct RotaryTables {
    /// `[rows, rotatedWidth]`
    let first: MatrixView
    let second: MatrixView

    subscript(index: Int) -> MatrixView { index == 0 ? first : second }
}

/// How a model's layers turn heads.
final class Rotaries: Sendable {
    private let frequencies: [ParameterVector]
    private let width: Int
    /// Of `frequencies`, whose elements are counted each time they are read; nil where there are fewer.
    private nonisolated(unsafe) let first: (frequencies: UnsafePointer<Float>, factor: Float)?
    private nonisolated(unsafe) let second: (frequencies: UnsafePointer<Float>, factor: Float)?
    /// By layer, which of the tables.
    let ofLayer: [Int]

    /// - Parameter context: the positions that are served; nil for all that the model was trained for.
    init(_ config: ModelConfig, context: Int?) {
        let (all, ofLayer) = config.rotaries(context: context)
        precondition(all.count <= 2, "\(all.count) ways of turning heads")
        let frequencies = all.map { ParameterVector($0.inverseFrequencies) }
        func rotary(_ index: Int) -> (frequencies: UnsafePointer<Float>, factor: Float)? {
            index < all.count ? (frequencies[index].pointer, all[index].factor) : nil
        }
        (self.frequencies, first, second) = (frequencies, rotary(0), rotary(1))
        (width, self.ofLayer) = (config.rotatedWidth, ofLayer)
    }

    /// The tables of `rows` rows at `positions`, in the workspace.
    func tables(_ positions: UnsafePointer<Int32>, rows: Int, pool: WorkerPool, workspace: Workspace) -> RotaryTables {
        let empty = MatrixView(pointer: workspace.allocate(Float.self, 0), rows: rows, columns: 0)
        func table(_ rotary: (frequencies: UnsafePointer<Float>, factor: Float)?) -> MatrixView {
            guard let rotary else { return empty }
            let table = workspace.matrix(rows, width)
            RowOperations.rotaryTable(
                positions: positions, count: rows, inverseFrequencies: rotary.frequencies, half: width / 2, scale: rotary.factor,
                into: table, pool: pool)
            return table
        }
        return RotaryTables(first: table(first), second: table(second))
    }
}
