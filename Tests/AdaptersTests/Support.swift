import Adapters
import Checkpoints
import Foundation
import JSONText
import Tensors
import TestRandomness
import Testing

/// The folder of reference answers that Tests/Reference/make_goldens.py wrote.
struct Goldens {
    let folder: URL
    let shape: ModelShape
    let loras: [String]
    /// name, hookpoint as its folder is called, transcoder
    let saes: [(name: String, hookpoint: String, transcode: Bool)]

    init() throws {
        let path = try #require(
            ProcessInfo.processInfo.environment["RESA_GOLDENS"],
            "set RESA_GOLDENS to the folder that Tests/Reference/make_goldens.py OUT wrote")
        folder = URL(fileURLWithPath: path).appendingPathComponent("adapters")
        let cases = try JSON(file: folder.appendingPathComponent("cases.json").path)
        let numbers = try JSON.object(cases.object("shape"))
        shape = ModelShape(
            layers: try numbers.int("layers"), hiddenSize: try numbers.int("hiddenSize"), queryWidth: try numbers.int("queryWidth"),
            keyValueWidth: try numbers.int("keyValueWidth"), ffnSize: try numbers.int("ffnSize"), vocabSize: try numbers.int("vocabSize"))
        loras = try #require(try cases.optionalStrings("loras"))
        saes = try cases.object("saes").sorted { $0.key < $1.key }.map {
            ($0.key, try $0.value.string("hookpoint"), try $0.value.bool("transcode"))
        }
    }
}

/// A folder that goes with its owner.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }

    func write(_ data: Data, to name: String) throws {
        let target = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: target)
    }
}

/// One tensor of a safetensors file to write.
struct Tensor {
    var name: String
    var shape: [Int]
    var values: [Float]

    init(_ name: String, _ shape: [Int], _ values: [Float]) {
        self.name = name
        self.shape = shape
        self.values = values
    }

    init(_ name: String, _ shape: [Int], using generator: inout SeededRandom, scale: Float = 1) {
        let values = (0..<shape.reduce(1, *)).map { _ in scale * generator.normal() }
        self.init(name, shape, values)
    }

    static func file(_ tensors: [Tensor]) -> Data {
        var header = "{"
        var body = Data()
        for (index, tensor) in tensors.enumerated() {
            let start = body.count
            tensor.values.withUnsafeBytes { body.append(contentsOf: $0) }
            header += "\(index == 0 ? "" : ",")\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":\(tensor.shape),"
            header += "\"data_offsets\":[\(start),\(body.count)]}"
        }
        header += "}"
        while header.utf8.count % 8 != 0 { header += " " }
        var data = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        return data + Data(header.utf8) + body
    }
}

/// Owned values `[rows, columns]` to take views of.
final class Matrix {
    let rows: Int
    let columns: Int
    private let buffer: AlignedBuffer<Float>

    init(_ values: [Float], columns: Int) {
        self.columns = columns
        rows = values.count / columns
        buffer = AlignedBuffer(count: max(values.count, 1))
        for (index, value) in values.enumerated() { buffer.pointer[index] = value }
    }

    convenience init(rows: Int, columns: Int, using generator: inout SeededRandom, scale: Float = 1) {
        self.init((0..<rows * columns).map { _ in scale * generator.normal() }, columns: columns)
    }

    var view: MatrixView { MatrixView(pointer: buffer.pointer, rows: rows, columns: columns) }
    var values: [Float] { view.elements }
    func row(_ index: Int) -> [Float] { Array(values[index * columns..<(index + 1) * columns]) }
}

/// |a - b| / |b|
func relativeError(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Float {
    var difference: Float = 0
    var norm: Float = 0
    for (x, y) in zip(a, b) {
        difference += (x - y) * (x - y)
        norm += y * y
    }
    return norm > 0 ? (difference / norm).squareRoot() : difference.squareRoot()
}

/// Pools of every tier that this machine has.
func poolsOfAllTiers(threads: Int = 2) -> [WorkerPool] {
    InstructionSet.available.map { WorkerPool(threads: threads, instructionSet: $0) }
}

/// A small model for adapters made by the tests themselves.
let smallShape = ModelShape(layers: 4, hiddenSize: 24, queryWidth: 32, keyValueWidth: 16, ffnSize: 40, vocabSize: 100)

extension LoRAUpdate {
    /// Adds the update of `x` `[tokens, in]` to `y` `[tokens, out]`, as a step does.
    func apply(x: MatrixView, into y: MatrixView, strength: Float, pool: WorkerPool, workspace: Workspace) {
        guard let update = borrowed(strength: strength) else { return }
        withUnsafePointer(to: update) { update in
            let segment = LowRankSegment(firstRow: 0, rows: x.rows, column: 0, updates: update, count: 1)
            withUnsafePointer(to: segment) { segment in
                LowRankSegments(start: segment, count: 1).add(of: x, to: y, pool: pool, workspace: workspace)
            }
        }
    }
}
