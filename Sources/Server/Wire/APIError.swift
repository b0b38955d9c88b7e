import HTTPTypes
import Hummingbird
import JSONText

/// An error in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.
///
/// Clients retry 408, 409, 429 and 5xx on their own, so those are used only where a retry can help.
package struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    package var status: HTTPResponse.Status
    package var message: String
    package var type = "invalid_request_error"
    /// The request field at fault, as a path: `messages[0].content`.
    package var param: String?
    package var code: String?
    /// Seconds after which a retry may succeed.
    package var retryAfter: Int?
    /// The connection is in no state to serve another request.
    package var closesConnection = false

    package var description: String { "\(status.code) \(message)" }

    var json: JSON {
        ["error": ["message": .string(message), "type": .string(type), "param": .optional(param), "code": .optional(code)]]
    }

    var response: Response {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        if closesConnection { headers[.connection] = "close" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: JSONWriter.bytes(json))))
    }
}

extension APIError {
    /// A field is missing or holds what it must not.
    static func bad(_ param: String?, _ message: String, code: String? = nil) -> APIError {
        APIError(status: .badRequest, message: message, param: param, code: code)
    }

    /// A field this server knows and does not serve.
    static func unsupported(_ param: String, _ message: String) -> APIError {
        APIError(status: .badRequest, message: message, param: param, code: "unsupported_value")
    }

    static func notFound(_ message: String, param: String? = nil, code: String) -> APIError {
        APIError(status: .notFound, message: message, param: param, code: code)
    }

    static func bodyTooLarge(limit: Int) -> APIError {
        APIError(
            status: .contentTooLarge,
            message: "the body is larger than \(limit) bytes; send less or start the server with a larger --max-body",
            code: "body_too_large",
            closesConnection: true)
    }

    static let draining = APIError(
        status: .serviceUnavailable, message: "the server is shutting down and takes no new requests", type: "server_error",
        code: "draining",
        retryAfter: 5)

    /// Nobody reads this; it is what counts and logs say. The number is nginx's.
    static let clientLeft = APIError(
        status: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request"), message: "the client left before it was answered",
        code: "client_left", closesConnection: true)

    static let readTooSlowly = APIError(
        status: .tooManyRequests,
        message: "the answer ended: there is no memory left for what was generated and not read; read faster, or try again later",
        type: "rate_limit_error", code: "memory_full")

    static func `internal`(_ message: String) -> APIError {
        APIError(status: .internalServerError, message: message, type: "server_error", code: "internal_error")
    }
}
