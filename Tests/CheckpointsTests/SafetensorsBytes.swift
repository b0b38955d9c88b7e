import Foundation
import TestSupport

/// Writes safetensors files for the tests: right ones, and ones whose header is given word for word.
enum SafetensorsBytes {
    /// A file with the given header text and data, whatever they say.
    static func file(header: String, data: [UInt8] = [], declaredLength: UInt64? = nil) -> [UInt8] {
        littleEndian(declaredLength ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
    }

    /// A well-formed file of f32 tensors.
    static func file(_ tensors: [(name: String, shape: [Int], values: [Float])]) -> [UInt8] {
        var entries: [String] = [#""__metadata__":{"format":"pt"}"#]
        var data: [UInt8] = []
        for tensor in tensors {
            let bytes = tensor.values.flatMap { littleEndian($0.bitPattern) }
            entries.append(
                #""\#(tensor.name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(data.count),\#(data.count + bytes.count)]}"#)
            data += bytes
        }
        return file(header: "{" + entries.joined(separator: ",") + "}", data: data)
    }
}

/// A folder that is removed when the test lets go of it.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("resa-checkpoints-\(UUID().uuidString)", isDirectory: true)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    @discardableResult func write(_ bytes: some Collection<UInt8>, to name: String) throws -> String {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file.path
    }

    @discardableResult func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }
}
