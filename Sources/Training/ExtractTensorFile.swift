import Checkpoints
import Foundation
import JSONText
import Tensors

/// How trained SAEs are stored.
package enum ExtractFormat: String, Sendable, CaseIterable {
    case f32, bf16
}

/// Writes safetensors files from memory, tensor by tensor.
struct ExtractTensorFile {
    enum Element: String { case f32 = "F32", bf16 = "BF16", i64 = "I64" }

    private var entries: [(name: String, element: Element, shape: [Int], bytes: UnsafeRawBufferPointer)] = []
    var metadata: [String: String] = ["format": "pt"]

    /// - Parameter values: must stay until `write` is done; of bf16 they are rounded on the way.
    mutating func add(_ name: String, _ shape: [Int], _ values: UnsafePointer<Float>, as format: ExtractFormat = .f32) {
        let count = shape.reduce(1, *)
        entries.append((name, format == .f32 ? .f32 : .bf16, shape, UnsafeRawBufferPointer(start: values, count: count * 4)))
    }

    mutating func add(_ name: String, _ values: UnsafeBufferPointer<Int64>) {
        entries.append((name, .i64, [values.count], UnsafeRawBufferPointer(values)))
    }

    mutating func add(_ prefix: String, _ tensors: SparseCoderTensors, as format: ExtractFormat = .f32) {
        let (latents, width) = (tensors.latents, tensors.width)
        add(prefix + "W_dec", [latents, width], tensors.decoder.pointer, as: format)
        add(prefix + "b_dec", [width], tensors.decoderBias.pointer, as: format)
        add(prefix + "encoder.bias", [latents], tensors.encoderBias.pointer, as: format)
        add(prefix + "encoder.weight", [latents, width], tensors.encoder.pointer, as: format)
    }

    func write(to path: String) throws(ExtractError) {
        let file = try ExtractFile(path: path)
        try file.append(header)
        for entry in entries {
            guard entry.element == .bf16 else {
                try file.append(entry.bytes)
                continue
            }
            try Self.appendRounded(entry.bytes, to: file)
        }
        try file.finish()
    }

    private var header: Data {
        var members = JSONObject([("__metadata__", .object(JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })))])
        var offset = 0
        for entry in entries {
            let size = entry.element == .bf16 ? entry.bytes.count / 2 : entry.bytes.count
            members[entry.name] = [
                "dtype": .string(entry.element.rawValue), "shape": .array(entry.shape.map { .int($0) }),
                "data_offsets": [.int(offset), .int(offset + size)],
            ]
            offset += size
        }
        var json = JSONWriter.bytes(.object(members))
        // Tensors begin on 8 bytes.
        json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
        var length = UInt64(json.count).littleEndian
        return withUnsafeBytes(of: &length) { Data($0) } + Data(json)
    }

    private static func appendRounded(_ bytes: UnsafeRawBufferPointer, to file: ExtractFile) throws(ExtractError) {
        let floats = bytes.assumingMemoryBound(to: Float.self)
        let piece = 1 << 20
        let rounded = AlignedBuffer<UInt16>(count: min(piece, floats.count))
        for start in stride(from: 0, to: floats.count, by: piece) {
            let count = min(piece, floats.count - start)
            RowOperations.roundToBF16(floats.baseAddress! + start, count: count, into: rounded.pointer)
            try file.append(UnsafeRawBufferPointer(start: rounded.pointer, count: count * 2))
        }
    }
}

extension SparseCoderTensors {
    /// Reads the four tensors from a file that has them in these shapes.
    /// - Throws: `ExtractError.cannotRead` or `.mismatch`.
    convenience init(reading file: SafetensorsFile, prefix: String = "", latents: Int, width: Int) throws(ExtractError) {
        self.init(latents: latents, width: width)
        let parts: [(String, [Int], UnsafeMutablePointer<Float>)] = [
            ("encoder.weight", [latents, width], encoder.pointer), ("encoder.bias", [latents], encoderBias.pointer),
            ("W_dec", [latents, width], decoder.pointer), ("b_dec", [width], decoderBias.pointer),
        ]
        for (name, shape, target) in parts {
            guard let info = file.info(prefix + name) else {
                throw .mismatch(path: file.path, what: "tensor \(prefix + name)", got: "nothing", wanted: "shape \(shape)")
            }
            guard info.shape == shape else {
                throw .mismatch(path: file.path, what: "tensor \(prefix + name)", got: "shape \(info.shape)", wanted: "shape \(shape)")
            }
            do {
                try file.expand(prefix + name, rows: 0..<shape[0], into: target)
            } catch {
                throw .cannotRead(path: file.path, reason: "\(error)")
            }
            let count = shape.reduce(1, *)
            guard RowOperations.sumOfSquares(target, count: count).isFinite else {
                throw .mismatch(path: file.path, what: "tensor \(prefix + name)", got: "infinite numbers or NaN", wanted: "finite numbers")
            }
        }
    }
}
