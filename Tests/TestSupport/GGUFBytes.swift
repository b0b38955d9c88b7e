/// Writes GGUF files byte by byte, right or wrong.
package struct GGUFBytes {
    package init() {}

    package var version: UInt32 = 3
    package var keyValues: [(key: String, type: UInt32, bytes: [UInt8])] = []
    /// Dimensions as in the file: innermost first.
    package var tensors: [(name: String, dimensions: [UInt64], type: UInt32, offset: UInt64)] = []
    package var data: [UInt8] = []
    package var alignment = 32
    package var declaredTensors: UInt64?
    package var declaredKeys: UInt64?

    package static func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

    package mutating func add(_ key: String, _ text: String) { keyValues.append((key, 8, GGUFBytes.string(text))) }
    package mutating func add(_ key: String, _ value: UInt32) { keyValues.append((key, 4, littleEndian(value))) }

    package mutating func add(_ key: String, _ value: Float) { keyValues.append((key, 6, littleEndian(value.bitPattern))) }

    package mutating func add(_ key: String, arrayOf type: UInt32, count: UInt64, _ bytes: [UInt8]) {
        keyValues.append((key, 9, littleEndian(type) + littleEndian(count) + bytes))
    }

    /// Appends an f32 tensor and its data, aligned.
    package mutating func addFloats(_ name: String, _ dimensions: [UInt64], _ values: [Float]) {
        data += [UInt8](repeating: 0, count: (alignment - data.count % alignment) % alignment)
        tensors.append((name, dimensions, 0, UInt64(data.count)))
        data += values.flatMap { littleEndian($0.bitPattern) }
    }

    package var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + littleEndian(version)
        bytes += littleEndian(declaredTensors ?? UInt64(tensors.count)) + littleEndian(declaredKeys ?? UInt64(keyValues.count))
        for (key, type, value) in keyValues { bytes += GGUFBytes.string(key) + littleEndian(type) + value }
        for tensor in tensors {
            bytes += GGUFBytes.string(tensor.name) + littleEndian(UInt32(tensor.dimensions.count))
            bytes += tensor.dimensions.flatMap { littleEndian($0) } + littleEndian(tensor.type) + littleEndian(tensor.offset)
        }
        bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
        return bytes + data
    }
}

/// The bytes of a number as GGUF and safetensors store it.
package func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
