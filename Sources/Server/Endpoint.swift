import HTTPTypes
import Hummingbird
import JSONText

/// One route. A new one is one file in `Routes/` with a static member here, and one line in `all`. It answers with `/v1` in front of its path
/// and without, because clients are given either as their base address.
struct Endpoint: Sendable {
    let method: HTTPRequest.Method
    /// As hummingbird's router spells it: `/v1/models/**`.
    let path: String
    /// Needs no key.
    var isOpen = false
    let respond: @Sendable (Request, ServerRequestContext, ServerState) async throws -> Response

    static let all: [Endpoint] = [
        .chatCompletions, .completions, .compare, .features,
        .models, .model,
        .adapters, .adapter,
        .addAdapter, .removeAdapter, .adapterVerbs, .loadLoRAAdapter, .unloadLoRAAdapter,
        .tokenize, .detokenize,
        .health, .ping, .postedPing, .version, .metrics,
    ]

    private static let prefix = "/v1"

    var paths: [String] { [path, path.hasPrefix(Self.prefix + "/") ? String(path.dropFirst(Self.prefix.count)) : Self.prefix + path] }

    /// The methods that a path answers to; empty for an unknown path.
    static func methods(for path: String) -> [HTTPRequest.Method] {
        all.filter { $0.matches(path) }.map(\.method)
    }

    static func isOpen(_ path: String) -> Bool { all.contains { $0.isOpen && $0.matches(path) } }

    private func matches(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        return paths.contains { pattern in
            let pattern = pattern.split(separator: "/")
            if pattern.last == "**" { return parts.count >= pattern.count && parts.starts(with: pattern.dropLast()) }
            return parts == pattern
        }
    }
}

extension Response {
    static func json(_ value: JSON, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: JSONWriter.bytes(value))))
    }
}
