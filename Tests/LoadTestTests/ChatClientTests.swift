import Foundation
import JSONText
import Testing

@testable import LoadTest

@Suite("The client that wants whole answers")
struct ChatClientTests {
    private func ask(_ script: @escaping ScriptedServer.Script) async throws -> ChatClient.Reply {
        try await ScriptedServer.with(script) { server in
            let client = try ChatClient(url: server.url, apiKey: "key", connections: 2)
            let result: Result<ChatClient.Reply, any Error>
            do {
                result = .success(
                    try await client.ask("/v1/chat/completions", body: ["model": "tiny"], adapters: "x;scale=0.5", timeout: .seconds(60)))
            } catch {
                result = .failure(error)
            }
            await client.shutdown()
            #expect(server.generations.allSatisfy { $0.headers.first(name: "authorization") == "Bearer key" })
            #expect(server.generations.allSatisfy { $0.headers.first(name: "resa-adapters") == "x;scale=0.5" })
            return try result.get()
        }
    }

    private static let answer = #"""
        {"choices": [{"message": {"reasoning_content": "hm", "content": "4"}, "finish_reason": "length"}], "usage": {"prompt_tokens": 3, "completion_tokens": 9}}
        """#

    @Test("an answer, its thoughts put back")
    func whole() async throws {
        let reply = try await ask { _ in ScriptedServer.json(Self.answer) }
        #expect(reply.text == "<think>hm</think>4")
        #expect(reply.finishReason == "length" && reply.completionTokens == 9 && reply.applied == nil)
    }

    @Test("which weights a server has, as far as it says")
    func cards() throws {
        let own = try JSON(
            parsing: Array(
                #"{"id": "tiny", "root": "tiny", "parent": null, "resa": {"digest": "sha256:5c", "fingerprint": "fp_5c_int8"}}"#.utf8))
        let card = try #require(ModelCard(own))
        #expect(card.name == "tiny" && card.root == "tiny" && card.digest == "sha256:5c" && card.fingerprint == "fp_5c_int8")
        let other = try #require(ModelCard(["id": "other"]))
        #expect(other.root == "other" && other.digest == nil && other.fingerprint == nil)
        #expect(ModelCard(["root": "tiny"]) == nil)
        let answer = Array(#"{"choices": [{"text": "4", "finish_reason": "stop"}], "system_fingerprint": "fp_5c_int8"}"#.utf8)
        #expect(try ChatClient.reply(answer, applied: nil).fingerprint == "fp_5c_int8")
    }

    @Test("a server that is full is asked again")
    func full() async throws {
        let reply = try await ask { request in
            request.index < 2 ? [.head(429, [("retry-after", "0"), ("content-length", "0")]), .end] : ScriptedServer.json(Self.answer)
        }
        #expect(reply.completionTokens == 9)
    }

    @Test("refusals and nonsense are failures")
    func failures() async throws {
        await #expect(throws: RequestFailure(.status(404), "no such adapter")) {
            try await ask { _ in ScriptedServer.json(#"{"error": {"message": "no such adapter"}}"#, status: 404) }
        }
        for body in ["[]", "{", #"{"choices": []}"#, #"{"choices": [{"finish_reason": "stop"}]}"#, #"{"choices": [{"text": "a"}]}"#] {
            let failure = await #expect(throws: RequestFailure.self) { try await ask { _ in ScriptedServer.json(body) } }
            #expect(failure?.kind == .malformed)
        }
        let failure = await #expect(throws: RequestFailure.self) { try await ask { _ in [.hangUp] } }
        #expect(failure?.kind == .connection)
    }

    @Test("an address that is none")
    func badAddress() {
        #expect(throws: LoadTestError.invalidURL("nowhere")) { _ = try ChatClient(url: "nowhere", apiKey: nil, connections: 1) }
    }
}
