import Foundation
import JSONText

/// A safetensors file of f32 tensors.
enum SafetensorsText {
    struct Tensor {
        let name: String
        let shape: [Int]
        let values: [Float]
    }

    static func bytes(_ tensors: [Tensor]) -> Data {
        var header = JSONObject()
        header["__metadata__"] = ["format": "pt"]
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.values.count * MemoryLayout<Float>.size
            header[tensor.name] = [
                "dtype": "F32", "shape": .array(tensor.shape.map { .int($0) }), "data_offsets": [.int(offset), .int(end)],
            ]
            offset = end
        }
        var text = JSONWriter.bytes(.object(header))
        while text.count % 8 != 0 { text.append(0x20) }
        var data = Data()
        withUnsafeBytes(of: UInt64(text.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: text)
        for tensor in tensors { tensor.values.withUnsafeBytes { data.append(contentsOf: $0) } }
        return data
    }
}
