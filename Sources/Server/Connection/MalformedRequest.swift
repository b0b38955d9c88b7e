import HTTPTypes
import NIOHTTP1

extension APIError {
    /// What is no request, or none that can be read: in the shape of all other errors.
    static func malformed(_ error: any Error) -> APIError {
        switch error {
        case let violation as MessageRules.Violation:
            APIError(
                status: violation.status, message: violation.message,
                code: violation.status == .notImplemented ? "unsupported_value" : "malformed_request",
                closesConnection: true)
        case HTTPParserError.headerOverflow:
            APIError(
                status: .requestHeaderFieldsTooLarge,
                message: "the header lines are too long or too many; send less or start the server with a larger --max-header",
                code: "headers_too_large", closesConnection: true)
        case HTTPParserError.invalidVersion:
            APIError(
                status: .httpVersionNotSupported, message: "only HTTP/1.1 and HTTP/1.0 are spoken here", code: "malformed_request",
                closesConnection: true)
        case HTTPParserError.unknown:
            APIError(
                status: .badRequest, message: "the request's framing is wrong: look at Transfer-Encoding, Content-Length and the line ends",
                code: "malformed_request", closesConnection: true)
        default:
            APIError(
                status: .badRequest, message: "this is no HTTP/1.1 request: \(error)", code: "malformed_request", closesConnection: true)
        }
    }
}
