import HTTPTypes
import Testing

@testable import Engine
@testable import Server

@Suite struct ClientIdentityTests {
    private func client(_ body: String, keys: [String] = [], key: String? = nil) async throws -> String? {
        let service = ScriptedService()
        var settings = ServerSettings.patient
        settings.apiKeys = keys
        try await Server.test(service, settings: settings) { client in
            let headers: HTTPFields = key.map { [.authorization: "Bearer \($0)"] } ?? [:]
            let reply = try await client.post("/v1/completions", body, headers: headers)
            #expect(reply.status == 200)
        }
        return service.log.requests.first?.client
    }

    @Test func keysThenUsersThenAddresses() async throws {
        let plain = #"{"prompt": "a"}"#
        let ada = #"{"prompt": "a", "user": "ada"}"#
        #expect(try await client(ada, keys: ["k1", "k2"], key: "k2") == "key 1")
        #expect(try await client(ada, keys: ["k1", "k2"], key: "k1") == "key 0")
        // One key that all share says nothing.
        #expect(try await client(ada, keys: ["k1"], key: "k1") == "user ada")
        #expect(try await client(ada) == "user ada")
        #expect(try await client(plain)?.hasPrefix("address ") == true)
        #expect(try await client(#"{"prompt": "a", "user": ""}"#)?.hasPrefix("address ") == true)
        #expect(try await client(#"{"prompt": "a", "user": "\#(String(repeating: "x", count: 5000))"}"#)?.utf8.count == 261)
    }

    @Test func aUserIsAString() async throws {
        try await Server.test { client in
            let reply = try await client.post("/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}], "user": 5}"#)
            #expect(reply.status == 400 && reply.error["param"]?.string == "user")
        }
    }

    @Test func retryAfterIsWhatTheQueueShouldTake() async throws {
        var settings = ServerSettings.patient
        #expect(settings.retryAfter(waitSeconds: 0) == 1)
        #expect(settings.retryAfter(waitSeconds: 11.2) == 12)
        #expect(settings.retryAfter(waitSeconds: 1e9) == 60)
        #expect(settings.retryAfter(waitSeconds: .infinity) == 60)
        settings.retryAfterSeconds = 20
        #expect(settings.retryAfter(waitSeconds: 11.2) == 20)
        // The scripted engine has 40 waiting, and ends one in 0.3 s.
        try await Server.test(ScriptedService(refusal: .queueFull(limit: 40))) { client in
            let reply = try await client.post("/v1/completions", #"{"prompt": "a"}"#)
            #expect(reply.headers[.retryAfter] == "12")
        }
    }
}
