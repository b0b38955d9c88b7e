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
