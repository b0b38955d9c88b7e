import Curl
import Foundation
import JSONText

/// A client of an OpenAI-compatible server that wants whole answers rather than measurements.
package final class ChatClient: Sendable {
    /// A whole answer.
    package struct Reply: Sendable {
        /// The text, thoughts that the server took out of it put back between `<think>` and `</think>`.
        package let text: String
        package let finishReason: String
        package let completionTokens: Int
        /// The header `Resa-Applied`; nil from servers that do not say what they applied.
        package let applied: String?
        /// `system_fingerprint`, where the server has one.
        package let fingerprint: String?
    }

    private let client: CurlClient
    private let server: OpenAIServer
    private static let retries = 8

    /// - Parameter authorities: a PEM file of the certificate authorities to trust with https; nil for the system's.
    /// - Throws: `LoadTestError.invalidURL`.
    package init(url: String, apiKey: String?, authorities: String? = nil, connections: Int) throws(LoadTestError) {
        client = CurlClient(connections: connections, authorities: authorities)
        server = try OpenAIServer(url: url, apiKey: apiKey, client: client)
    }

    package func shutdown() async {
        await client.shutdown()
    }

    package var root: String { server.root }

    /// The models, in the server's order.
    /// - Throws: `LoadTestError`.
    package func models() async throws -> [ModelCard] { try await server.models() }

    /// Asks until there is an answer: a server that is full or starting is asked again after the time it names.
    /// - Parameters:
    ///   - path: `/v1/chat/completions` or `/v1/completions`.
    ///   - adapters: the header `Resa-Adapters`.
    ///   - timeout: for one answer.
    /// - Throws: `RequestFailure`, or `CancellationError`.
    package func ask(_ path: String, body: JSON, adapters: String?, timeout: Duration) async throws -> Reply {
        var request = CurlRequest(
            "POST", server.root + path, headers: server.headers, body: JSONWriter.bytes(body), timeout: timeout)
        if let adapters { request.headers.append(("Resa-Adapters", adapters)) }
        var attempt = 0
        while true {
            do {
                return try await once(request)
            } catch let failure as RequestFailure {
                guard [.status(429), .status(503)].contains(failure.kind), attempt < Self.retries else { throw failure }
                try await Task.sleep(for: .seconds(min(max(failure.retryAfter ?? 0.5 * Double(1 << attempt), 0.1), 60)))
                attempt += 1
            }
        }
    }

    private func once(_ request: CurlRequest) async throws -> Reply {
        let response: CurlClient.Response
        do {
            response = try await client.fetch(request)
        } catch {
            if error.kind == .cancelled || Task.isCancelled { throw CancellationError() }
            throw RequestFailure(.connection, error.description)
        }
        guard response.head.status == 200 else {
            throw RequestFailure(
                .status(response.head.status), RequestFailure.message(inBody: response.body),
                retryAfter: response.head.headers["retry-after"].flatMap { Double($0) })
        }
        return try Self.reply(response.body, applied: response.head.headers["resa-applied"])
    }

    static func reply(_ body: [UInt8], applied: String?) throws(RequestFailure) -> Reply {
        guard let answer = try? JSON(parsing: body, rules: .message), let choice = answer["choices"]?[0],
            let finish = choice["finish_reason"]?.string
        else { throw RequestFailure(.malformed, "the answer has no choice with a finish_reason") }
        let message = choice["message"]
        guard message != nil || choice["text"]?.string != nil else { throw RequestFailure(.malformed, "the answer has no text") }
        var text = choice["text"]?.string ?? message?["content"]?.string ?? ""
        let thoughts = message?["reasoning_content"]?.string ?? message?["reasoning"]?.string ?? ""
        if !thoughts.isEmpty { text = "<think>\(thoughts)</think>\(text)" }
        return Reply(
            text: text, finishReason: finish, completionTokens: TokenUsage(response: answer)?.completion ?? 0, applied: applied,
            fingerprint: answer["system_fingerprint"]?.string)
    }
}
