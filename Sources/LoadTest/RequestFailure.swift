import JSONText

/// Why a request brought no answer.
package struct RequestFailure: Error, Sendable, Equatable {
    package enum Kind: Hashable, Sendable {
        /// Any status but 200.
        case status(Int)
        /// No whole answer within the time a request may take.
        case timeout
        /// No connection, or one that broke before the answer began.
        case connection
        /// The answer broke off: no `[DONE]` and no finish reason.
        case truncated
        /// What came is not what the API answers.
        case malformed
        /// The server reported an error inside the stream.
        case streamError

        package var label: String {
            switch self {
            case .status(let code): "HTTP \(code)"
            case .timeout: "timeout"
            case .connection: "connection"
            case .truncated: "truncated answer"
            case .malformed: "malformed answer"
            case .streamError: "error in the stream"
            }
        }
    }

    package let kind: Kind
    package let message: String
    /// Seconds after which the server asked to come again.
    package var retryAfter: Double?

    package init(_ kind: Kind, _ message: String, retryAfter: Double? = nil) {
        self.kind = kind
        self.message = message
        self.retryAfter = retryAfter
    }

    /// The message of an error body in OpenAI's shape, else the body's beginning.
    static func message(inBody bytes: [UInt8]) -> String {
        let parsed = try? JSON(parsing: bytes, rules: .message)
        let text =
            parsed?["error"]?["message"]?.string ?? parsed?["error"]?.string ?? parsed?["message"]?.string ?? parsed?["detail"]?.string
        let message = text ?? String(decoding: bytes.prefix(300), as: UTF8.self)
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ").trimmingBlanks()
        return line.isEmpty ? "no message" : String(line.prefix(300))
    }
}
