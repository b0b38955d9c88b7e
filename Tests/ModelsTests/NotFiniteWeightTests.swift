import Checkpoints
import Foundation
import Models
import RandomModels
import Tensors
import TestSupport
import Testing

/// A base model with one weight that is no number is refused, and the tensor named.
@Suite struct NotFiniteWeightTests {
    private func load(_ path: String, _ format: WeightFormat) throws {
        let opened = try Checkpoint.open(path: path)
        let config = try ModelConfig.read(opened)
        _ = try Decoder.load(
            config: config, weights: try WeightReader(checkpoint: opened, config: config), format: format, pool: WorkerPool(threads: 2)
        ) { _ in }
    }

    private func expectRefusal(of tensor: String, _ path: String, _ format: WeightFormat) {
        #expect("\(tensor) as \(format)") {
            try load(path, format)
        } throws: {
            $0 is CheckpointError && "\($0)".contains("tensor \(tensor)") && "\($0)".contains("wanted finite numbers")
        }
    }

    /// Overwrites bytes of a file and puts them back.
    private func with<T>(_ bytes: [UInt8], at offset: Int, of file: URL, _ body: () throws -> T) throws -> T {
        let handle = try FileHandle(forUpdating: file)
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(offset))
        let before = try handle.read(upToCount: bytes.count) ?? Data()
        func put(_ data: Data) throws {
            try handle.seek(toOffset: UInt64(offset))
            try handle.write(contentsOf: data)
        }
        try put(Data(bytes))
        defer { try? put(before) }
        return try body()
    }

    @Test(arguments: WeightFormat.allCases) func safetensors(_ format: WeightFormat) throws {
        var checkpoint = try RandomCheckpoint(seed: 8)
        defer { checkpoint.remove() }
        let folder = try checkpoint.model()
        let file = folder.appendingPathComponent("model.safetensors")
        let tensors = try SafetensorsFile(path: file.path)
        try load(folder.path, format)
        for (number, name) in tensors.tensorNames.enumerated() {
            let range = try #require(tensors.info(name)).byteRange
            let place = [range.lowerBound, range.upperBound - 4, range.lowerBound + range.count / 8 * 4][number % 3]
            let bad: Float = [.nan, .infinity, -.infinity, .signalingNaN][number % 4]
            try with(littleEndian(bad.bitPattern), at: place, of: file) { expectRefusal(of: name, folder.path, format) }
        }
        try load(folder.path, format)
    }

    /// The scales of blocks, whether blocks are kept or made anew.
    @Test(arguments: [WeightFormat.int8, .bf16]) func gguf(_ format: WeightFormat) throws {
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("resa-test-\(UUID().uuidString).gguf")
        try FileManager.default.copyItem(at: try ReferenceAnswers.defaultModel(), to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        let file = try GGUFFile(path: copy.path)
        for (name, isMinimum) in [("blk.0.attn_q.weight", false), ("blk.0.ffn_down.weight", true), ("token_embd.weight", false)] {
            let info = try #require(file.info(name))
            let block = info.type.block
            let place =
                info.byteRange.lowerBound + 3 * block.bytes
                + (info.type == .q6K ? block.bytes - 2 : isMinimum && info.type == .q4_1 ? 2 : 0)
            try with(littleEndian(Float16.nan.bitPattern), at: place, of: copy) { expectRefusal(of: name, copy.path, format) }
        }
    }
}
