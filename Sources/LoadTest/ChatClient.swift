import AsyncHTTPClient
import Foundation
import JSONText
import NIOCore
import NIOPosix

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

    private let group: MultiThreadedEventLoopGroup
    private let client: HTTPClient
    private let server: OpenAIServer
    private static let retries = 8

    /// - Throws: `LoadTestError.invalidURL`.
    package init(url: String, apiKey: String?, connections: Int) throws(LoadTestError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        configuration.timeout.connect = .seconds(10)
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        do {
            server = try OpenAIServer(url: url, apiKey: apiKey, client: client)
        } catch {
            client.shutdown { _ in group.shutdownGracefully { _ in } }
            throw error
        }
        (self.group, self.client) = (group, client)
    }

    package func shutdown() async {
        try? await client.shutdown()
        try? await group.shutdownGracefully()
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
        var request = HTTPClientRequest(url: server.root + path)
        request.method = .POST
        request.headers = server.headers
        if let adapters { request.headers.replaceOrAdd(name: "Resa-Adapters", value: adapters) }
        let bytes = JSONWriter.bytes(body)
        var attempt = 0
        while true {
            request.body = .bytes(ByteBuffer(bytes: bytes))
            do {
                return try await once(request, timeout)
            } catch let failure as RequestFailure {
                guard [.status(429), .status(503)].contains(failure.kind), attempt < Self.retries else { throw failure }
                try await Task.sleep(for: .seconds(min(max(failure.retryAfter ?? 0.5 * Double(1 << attempt), 0.1), 60)))
                attempt += 1
            }
        }
    }

    private func once(_ request: HTTPClientRequest, _ timeout: Duration) async throws -> Reply {
        let status: Int
        let body: [UInt8]
        let applied: String?
        let retryAfter: String?
        do {
            let response = try await client.execute(request, deadline: .now() + TimeAmount(timeout))
            status = Int(response.status.code)
            applied = response.headers.first(name: "resa-applied")
            retryAfter = response.headers.first(name: "retry-after")
            body = Array(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        } catch {
            if error is CancellationError || Task.isCancelled { throw CancellationError() }
            throw RequestFailure(.connection, ConnectionError.text(error))
        }
        guard status == 200 else {
            throw RequestFailure(
                .status(status), RequestFailure.message(inBody: body), retryAfter: retryAfter.flatMap { Double($0) })
        }
        return try Self.reply(body, applied: applied)
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
