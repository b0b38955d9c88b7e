import AdapterRegistry
import Answering
import Evaluation
import Foundation
import JSONText
import Synchronization
import Testing

/// Questions put to a server that answers as it is told.
@Suite struct ServerAnswersTests {
    private static let adapted = [AdapterSelection(name: "a", scale: 2)]
    private static let header = "resa-adapters: " + adapted.headerText

    private func source(_ server: StubServer, model: String? = nil, prompt: PromptStyle = .plain) async throws -> ServerAnswers {
        let arms = [
            Variant(arm: .base), Variant(arm: Arm(name: "a", role: .adapter), selections: Self.adapted),
        ]
        return try await ServerAnswers(
            url: server.url, apiKey: "key", authorities: nil, model: model, variants: arms, prompt: prompt,
            sampling: AnswerSampling(temperature: 0.5, topP: 0.9, maxTokens: 7), connections: 1)
    }

    private func question(_ arm: Arm) -> Question {
        Question(data: "d", problem: Problem(id: "1", question: "1+1?", gold: "2"), arm: arm, sample: 0, seed: 11)
    }

    private static let models = #"{"data": [{"id": "m", "root": "m", "resa": {"digest": "sha256:aa", "fingerprint": "fp"}}]}"#
    private static let answer =
        #"{"choices": [{"message": {"content": "2"}, "finish_reason": "stop"}], "system_fingerprint": "fp", "usage": {"prompt_tokens": 1, "completion_tokens": 3}}"#

    @Test func requestsSayEverything() async throws {
        let server = try StubServer { request in
            request.path == "/v1/models"
                ? (Self.models, []) : (Self.answer, request.head.lowercased().contains(Self.header) ? ["Resa-Applied: a"] : [])
        }
        let source = try await source(server)
        #expect(source.model == "m" && source.settings.first { $0.name == "model digest" }?.value == "sha256:aa")
        let bare = try await source.answer(question(.base))
        #expect((bare.text, bare.finish, bare.tokens, bare.applied) == ("2", "stop", 3, nil))
        let adapted = try await source.answer(question(Arm(name: "a", role: .adapter)))
        #expect(adapted.applied == "a")
        await source.finish()
        let asked = server.requests.filter { $0.path == "/v1/chat/completions" }
        #expect(asked.count == 2 && asked.allSatisfy { $0.head.lowercased().contains("authorization: bearer key") })
        let body = try JSON(parsing: asked[0].body)
        #expect(body["seed"]?.int == 11 && body["top_k"]?.int == -1 && body["max_tokens"]?.int == 7 && body["model"]?.string == "m")
        #expect(!asked[0].head.lowercased().contains("resa-adapters") && asked[1].head.lowercased().contains(Self.header))
    }

    @Test func whatIsNotApplied() async throws {
        let server = try StubServer { request in (request.path == "/v1/models" ? Self.models : Self.answer, []) }
        let source = try await source(server, model: "m")
        await #expect(throws: AnsweringError.notApplied(arm: "a")) {
            try await source.answer(question(Arm(name: "a", role: .adapter)))
        }
        await source.finish()
        withExtendedLifetime(server) {}
    }

    @Test func otherWeightsAndNoModel() async throws {
        let other = try StubServer { request in
            request.path == "/v1/models" ? (Self.models, []) : (Self.answer.replacing("\"fp\"", with: "\"other\""), [])
        }
        let source = try await source(other)
        await #expect(throws: EvaluationError.modelChanged(was: "fp", now: "other")) { try await source.answer(question(.base)) }
        await source.finish()
        let empty = try StubServer { _ in (#"{"data": []}"#, []) }
        await #expect(throws: AnsweringError.self) { try await self.source(empty) }
        withExtendedLifetime((other, empty)) {}
    }
}

/// A server that takes one connection after the other, and one request on each.
private final class StubServer: Sendable {
    struct Request: Sendable {
        let head: String
        let body: String
        var path: String { head.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
    }

    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    let url: String

    var requests: [Request] { seen.withLock { $0 } }

    init(_ answer: @escaping @Sendable (Request) -> (body: String, headers: [String])) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
                bind(listener, plain, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, plain, &length) == 0
            }
        }
        try #require(isBound)
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                guard let request = Self.read(connection) else {
                    close(connection)
                    continue
                }
                self?.seen.withLock { $0.append(request) }
                let (body, headers) = answer(request)
                let lines = ["HTTP/1.1 200 OK", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers
                let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
                _ = write(connection, bytes, bytes.count)
                close(connection)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func read(_ connection: Int32) -> Request? {
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            if let end = data.range(of: Data("\r\n\r\n".utf8)) {
                let head = String(decoding: data[..<end.lowerBound], as: UTF8.self)
                let length = head.lowercased().split(whereSeparator: \.isNewline).first { $0.hasPrefix("content-length:") }
                let wanted = length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if data.count - end.upperBound >= wanted {
                    return Request(head: head, body: String(decoding: data[end.upperBound...], as: UTF8.self))
                }
            }
            let count = Foundation.read(connection, &buffer, buffer.count)
            guard count > 0 else { return nil }
            data += buffer[..<count]
        }
    }
}
