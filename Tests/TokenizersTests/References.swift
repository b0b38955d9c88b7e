import Checkpoints
import Foundation
import JSONText
import TestSupport
import Tokenizers

/// What `Tests/Reference/goldens_tokenizers.py` wrote.
enum References {
    static func file(_ name: String) throws -> URL { try ReferenceAnswers.folder("tokenizers").appendingPathComponent(name) }

    static func qwen() throws -> Tokenizer { try loadedQwen.get() }
    static func smolLM2() throws -> Tokenizer { try loadedSmolLM2.get() }

    // Loaded once: in a debug build Qwen's takes seconds.
    private static let loadedQwen = Result {
        try Tokenizer(
            tokenizerJSON: Data(contentsOf: file("qwen/tokenizer.json")),
            declared: DeclaredTokenFiles(config: JSON(file: file("qwen/tokenizer_config.json").path)))
    }
    private static let loadedSmolLM2 = Result { try Tokenizer(gguf: GGUFFile(path: ReferenceAnswers.defaultModel().path)) }

    static func decode<T: Decodable>(_ type: T.Type, _ name: String) throws -> T { try ReferenceAnswers.decode(type, file(name)) }

    static func lines() throws -> [[UInt8]] {
        var reader = try Reader(file("lines.bin"))
        var lines: [[UInt8]] = []
        while !reader.isAtEnd { lines.append(try reader.bytes()) }
        return lines
    }

    static func ids(_ name: String) throws -> [[Int32]] {
        var reader = try Reader(file(name))
        var ids: [[Int32]] = []
        while !reader.isAtEnd { ids.append(try reader.ids()) }
        return ids
    }

    /// Reads records that begin with a u32 count.
    struct Reader {
        struct Truncated: Error {}

        private let data: Data
        private var offset = 0

        init(_ file: URL) throws { data = try Data(contentsOf: file) }

        var isAtEnd: Bool { offset == data.count }

        mutating func bytes(width: Int = 1) throws -> [UInt8] {
            guard offset + 4 <= data.count else { throw Truncated() }
            let count = data[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) } * width
            guard offset + 4 + count <= data.count else { throw Truncated() }
            defer { offset += 4 + count }
            return Array(data[offset + 4..<offset + 4 + count])
        }

        mutating func ids() throws -> [Int32] {
            let raw = try bytes(width: 4)
            return raw.withUnsafeBytes { raw in
                (0..<raw.count / 4).map { Int32(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)) }
            }
        }
    }

    /// FNV-1a, as the generator hashes.
    struct Hash {
        private(set) var state: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }

        mutating func add(_ ids: [Int32]) {
            for id in ids { withUnsafeBytes(of: id.littleEndian) { add($0) } }
        }

        var text: String {
            let digits = String(state, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
    }
}
