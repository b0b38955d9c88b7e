import Engine
import JSONText

/// The entries of `logprobs.content` of a chat choice.
enum ChatLogprobs {
    static func entry(_ values: TokenLogprobs, bytes: (Int32) -> [UInt8]) -> JSON {
        var object = token(values.id, values.logprob, bytes)
        object["top_logprobs"] = .array(values.top.map { .object(token($0.id, $0.logprob, bytes)) })
        return .object(object)
    }

    private static func token(_ id: Int32, _ logprob: Float, _ bytes: (Int32) -> [UInt8]) -> JSONObject {
        let own = bytes(id)
        return JSONObject([
            ("token", .string(String(decoding: own, as: UTF8.self))), ("logprob", CompletionLogprobs.number(logprob)),
            ("bytes", .array(own.map { .int(Int($0)) })),
        ])
    }
}

/// How a single token is written: its text, or `bytes:\xe2\x98` when it holds only part of a character, as OpenAI's API does.
enum TokenText {
    static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return "bytes:"
            + bytes.map { byte in
                let hex = String(byte, radix: 16)
                return "\\x" + (hex.count == 1 ? "0" : "") + hex
            }.joined()
    }

    /// Characters (Unicode scalars, as Python counts them) that start in these bytes.
    static func length(_ bytes: [UInt8]) -> Int {
        bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
    }
}
