import Processes
import Tensors

/// A tensor of a run's state: its name in checkpoints, and where it lies.
package struct StateTensor {
    package enum Values {
        case f32(UnsafeMutablePointer<Float>)
        case i64(UnsafeMutablePointer<Int64>)
    }

    package let name: String
    package let shape: [Int]
    package let values: Values

    package var count: Int { shape.reduce(1, *) }
}

extension ProcessGroup {
    /// Every process gets the first one's values.
    func broadcast(_ tensor: StateTensor) {
        switch tensor.values {
        case .f32(let values): broadcast(UnsafeMutableBufferPointer(start: values, count: tensor.count))
        case .i64(let values): broadcast(UnsafeMutableBufferPointer(start: values, count: tensor.count))
        }
    }
}
