/// The seam to the kernels that turn stored elements into f32.
extension ElementType {
    var kernel: ElementType? {
        switch self {
        case .f32, .f16, .bf16: self
        default: nil
        }
    }

    func expand(from source: UnsafeRawPointer, count: Int, into destination: UnsafeMutablePointer<Float>) {
        for index in 0..<count {
            switch self {
            case .f32: destination[index] = source.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
            case .f16: destination[index] = Float(source.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self))
            default:
                destination[index] = Float(bitPattern: UInt32(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
            }
        }
    }
}
