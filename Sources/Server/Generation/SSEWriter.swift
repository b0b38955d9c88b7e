import HTTPTypes
import Hummingbird
import JSONText
import NIOCore

/// Writes server-sent events (WHATWG HTML, section 9.2) whose data is one JSON document each.
struct SSEWriter {
    static let headers: HTTPFields = [
        .contentType: "text/event-stream; charset=utf-8",
        .cacheControl: "no-cache",
        // Tells reverse proxies not to collect the stream.
        HTTPField.Name("X-Accel-Buffering")!: "no",
    ]

    static func event(_ value: JSON) -> ByteBuffer {
        var buffer = ByteBuffer(string: "data: ")
        buffer.writeBytes(JSONWriter.bytes(value))
        buffer.writeString("\n\n")
        return buffer
    }

    /// What OpenAI's streams end with.
    static let done = ByteBuffer(string: "data: [DONE]\n\n")
}
