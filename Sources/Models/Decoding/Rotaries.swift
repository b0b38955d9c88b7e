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
    private let factors: [Float]
    private let width: Int
    /// By layer, which of the tables.
    let ofLayer: [Int]

    /// - Parameter context: the positions that are served; nil for all that the model was trained for.
    init(_ config: ModelConfig, context: Int?) {
        let (all, ofLayer) = config.rotaries(context: context)
        precondition(all.count <= 2, "\(all.count) ways of turning heads")
        frequencies = all.map { ParameterVector($0.inverseFrequencies) }
        factors = all.map(\.factor)
        (width, self.ofLayer) = (config.rotatedWidth, ofLayer)
    }

    /// The tables of `rows` rows at `positions`, in the workspace.
    func tables(_ positions: UnsafePointer<Int32>, rows: Int, pool: WorkerPool, workspace: Workspace) -> RotaryTables {
        let empty = MatrixView(pointer: workspace.allocate(Float.self, 0), rows: rows, columns: 0)
        func table(_ index: Int) -> MatrixView {
            guard index < factors.count else { return empty }
            let table = workspace.matrix(rows, width)
            RowOperations.rotaryTable(
                positions: positions, count: rows, inverseFrequencies: frequencies[index].pointer, half: width / 2, scale: factors[index],
                into: table, pool: pool)
            return table
        }
        return RotaryTables(first: table(0), second: table(1))
    }
}
