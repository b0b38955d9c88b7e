import Architectures
import Checkpoints
import Tensors

extension ModelWeights {
    /// The Frobenius norm of a projection's stored weights, which are read once.
    /// - Throws: `CheckpointError` when they cannot be read.
    package func norm(layer: Int, module: ProjectionModule, pool: WorkerPool) throws(CheckpointError) -> Double {
        let place = WeightPlace(.projection(module), layer: layer)
        let (rows, columns) = (config.shape.outputs(module), config.shape.inputs(module))
        let step = max(1, (1 << 18) / columns)
        let buffer = AlignedBuffer<Float>(count: step * columns)
        var sum = 0.0
        for start in stride(from: 0, to: rows, by: step) {
            let range = start..<min(start + step, rows)
            try reader.read(place, rows: range, into: buffer.pointer)
            for row in 0..<range.count {
                sum += Double(RowOperations.sumOfSquares(buffer.pointer + row * columns, count: columns, on: pool.instructionSet))
            }
        }
        return sum.squareRoot()
    }
}
