import Checkpoints
import Foundation
import Testing

/// Matrices the reference stored, read by rows.
struct ReferenceTensors {
    private let file: SafetensorsFile

    init(_ url: URL) throws {
        file = try SafetensorsFile(path: url.path)
    }

    /// Row `index` of an f32 matrix.
    func floats(_ name: String, _ index: Int) throws -> [Float] {
        let columns = try #require(file.info(name), "no tensor \(name)").rowLength
        var values = [Float](repeating: 0, count: columns)
        try values.withUnsafeMutableBufferPointer { try file.expand(name, rows: index..<index + 1, into: $0.baseAddress!) }
        return values
    }

    /// Row `index` of an i32 matrix.
    func integers(_ name: String, _ index: Int) throws -> [Int32] {
        let info = try #require(file.info(name), "no tensor \(name)")
        var values = [Int32](repeating: 0, count: info.rowLength)
        try values.withUnsafeMutableBytes { try file.stored(name, rows: index..<index + 1, into: $0.baseAddress!) }
        return values
    }
}
