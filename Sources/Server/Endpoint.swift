import HTTPTypes
import Hummingbird
import JSONText

/// One route. A new one is one file in `Routes/` with a static member here, and one line in `all`.
struct Endpoint: Sendable {
    let method: HTTPRequest.Method
    /// As hummingbird's router spells it: `/v1/models/**`.
    let path: String
    let respond: @Sendable (Request, ServerRequestContext, ServerState) async throws -> Response

    static let all: [Endpoint] = [
        .chatCompletions, .completions, .compare, .features,
        .models, .model,
        .adapters, .adapter,
        .addAdapter, .removeAdapter, .adapterVerbs, .loadLoRAAdapter, .unloadLoRAAdapter,
        .tokenize, .detokenize,
        .health, .metrics,
    ]

    /// The methods that a path answers to; empty for an unknown path.
    static func methods(for path: String) -> [HTTPRequest.Method] {
        all.filter { $0.matches(path) }.map(\.method)
    }

    private func matches(_ path: String) -> Bool {
        let pattern = self.path.split(separator: "/")
        let parts = path.split(separator: "/")
        if pattern.last == "**" { return parts.count >= pattern.count && parts.starts(with: pattern.dropLast()) }
        return parts == pattern
    }
}

extension Response {
    static func json(_ value: JSON, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: JSONWriter.bytes(value))))
    }
}
