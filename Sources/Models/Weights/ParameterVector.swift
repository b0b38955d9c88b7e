import Tensors

/// An immutable vector of f32 parameters (a norm's weight, a bias, rotary frequencies), shared by reference.
final class ParameterVector: Sendable {
    private let buffer: AlignedBuffer<Float>

    init(_ values: [Float]) {
        buffer = AlignedBuffer(count: values.count)
        buffer.pointer.update(from: values, count: values.count)
    }

    var pointer: UnsafePointer<Float> { UnsafePointer(buffer.pointer) }
}
