import Checkpoints
import Foundation
import Testing
import Tokenizers

/// Tokenizers in GGUF files that cannot be used are refused by name.
@Suite struct GGUFRefusalsTests {
    private enum Value {
        case string(String)
        case integer(UInt32)
        case strings([String])
        case integers([Int32])
    }

    private static let plain: [String: Value] = [
        "model": .string("gpt2"), "pre": .string("gpt-2"), "tokens": .strings(["a", "b", "ab", "<s>"]), "merges": .strings(["a b"]),
        "token_type": .integers([1, 1, 1, 3]), "bos_token_id": .integer(3),
    ]

    /// Opens a GGUF file that holds nothing but `tokenizer.ggml.*` keys.
    private func open(_ values: [String: Value]) throws -> Tokenizer {
        var bytes = Data("GGUF".utf8)
        func add(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
        func add(_ text: String) {
            add(UInt64(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }
        add(UInt32(3))
        add(UInt64(0))
        add(UInt64(values.count))
        for (key, value) in values {
            add("tokenizer.ggml.\(key)")
            switch value {
            case .string(let text):
                add(UInt32(8))
                add(text)
            case .integer(let number):
                add(UInt32(4))
                add(number)
            case .strings(let texts):
                add(UInt32(9))
                add(UInt32(8))
                add(UInt64(texts.count))
                for text in texts { add(text) }
            case .integers(let numbers):
                add(UInt32(9))
                add(UInt32(5))
                add(UInt64(numbers.count))
                for number in numbers { add(number) }
            }
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizer-\(UUID().uuidString).gguf")
        try bytes.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try Tokenizer(gguf: GGUFFile(path: file.path))
    }

    @Test func thePlainOneIsAccepted() throws {
        let tokenizer = try open(Self.plain)
        #expect(tokenizer.encode("abab<s>b") == [2, 2, 3, 1])
        #expect(tokenizer.bosToken == 3 && tokenizer.bosText == "<s>" && !tokenizer.addBOS && tokenizer.isSpecial(3))
        #expect(tokenizer.eosToken == nil && tokenizer.eosText.isEmpty)
    }

    @Test func theErrorNamesTheKey() throws {
        let changes: [(String, Value?, [String])] = [
            ("model", .string("t5"), ["tokenizer.ggml.model", "t5", "gpt2", "llama"]),
            ("model", .string("llama"), ["tokenizer.ggml.scores", "4 finite numbers"]), ("model", nil, ["no tokenizer"]),
            ("pre", .string("chameleon"), ["tokenizer.ggml.pre", "chameleon", "qwen2", "smollm"]),
            ("tokens", nil, ["tokenizer.ggml.tokens"]),
            ("tokens", .integer(1), ["tokenizer.ggml.tokens", "array of strings"]), ("merges", nil, ["tokenizer.ggml.merges"]),
            ("merges", .strings(["a b", "a c"]), ["tokenizer.ggml.merges[1]", "c"]),
            ("merges", .strings(["a  b"]), ["tokenizer.ggml.merges[0]"]),
            ("token_type", .integers([1]), ["tokenizer.ggml.token_type", "4 integers"]),
            ("bos_token_id", .integer(4), ["tokenizer.ggml.bos_token_id", "4"]),
            ("bos_token_id", .string("x"), ["tokenizer.ggml.bos_token_id"]),
            ("eos_token_id", .integer(.max), ["tokenizer.ggml.eos_token_id"]),
        ]
        for (key, value, words) in changes {
            var values = Self.plain
            values[key] = value
            let error = #expect(throws: TokenizerError.self, "\(key)") { try open(values) }
            for word in words { #expect(error?.description.contains(word) == true, "\(key): \(error?.description ?? "accepted")") }
        }
    }
}
