import Foundation
import JSONText
import Tensors

/// Writes a safetensors file, whole or not at all: the header first, then each tensor's bytes as they are handed over.
package final class TensorFileWriter<Failure: FileFailure> {
    /// What the header says of one tensor.
    package struct Entry: Sendable {
        package var name: String
        package var type: ElementType
        package var shape: [Int]

        package init(name: String, type: ElementType, shape: [Int]) { (self.name, self.type, self.shape) = (name, type, shape) }

        package var byteCount: Int { shape.reduce(1, *) * type.block.bytes / type.block.elements }
    }

    private let file: DurableFile<Failure>
    private var remaining: Int

    /// - Parameter metadata: free text in the header.
    package init(path: String, entries: [Entry], metadata: [(key: String, value: String)]) throws(Failure) {
        var header = JSONObject([
            (key: "__metadata__", value: .object(JSONObject(metadata.map { (key: $0.key, value: JSON.string($0.value)) })))
        ])
        var offset = 0
        for entry in entries {
            header[entry.name] = [
                "dtype": .string(entry.type.rawValue), "shape": .array(entry.shape.map { .int($0) }),
                "data_offsets": [.int(offset), .int(offset + entry.byteCount)],
            ]
            offset += entry.byteCount
        }
        var text = JSONWriter.bytes(.object(header))
        // Tensors begin at multiples of 8 bytes.
        text += Array(repeating: 0x20, count: (8 - text.count % 8) % 8)
        file = try DurableFile(path)
        remaining = offset
        try file.write(withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text)
    }

    /// The next bytes of the tensors, in the order of the entries.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        precondition(bytes.count <= remaining, "TensorFileWriter: more bytes than the header says")
        remaining -= bytes.count
        try file.write(bytes)
    }

    package func write(_ values: UnsafePointer<Float>, count: Int) throws(Failure) {
        try write(UnsafeRawBufferPointer(start: values, count: count * 4))
    }

    package func write(_ values: [Float]) throws(Failure) {
        let result = values.withUnsafeBytes { bytes in Result { () throws(Failure) in try write(bytes) } }
        try result.get()
    }

    /// The same numbers rounded to bf16 (nearest even).
    package func writeBF16(_ values: UnsafePointer<Float>, count: Int) throws(Failure) {
        let rounded = AlignedBuffer<UInt16>(count: count)
        ElementTable.round(values, count: count, toBF16: rounded.pointer)
        try write(UnsafeRawBufferPointer(start: rounded.pointer, count: count * 2))
    }

    package func commit() throws(Failure) {
        precondition(remaining == 0, "TensorFileWriter: \(remaining) bytes are missing")
        try file.commit()
    }
}
