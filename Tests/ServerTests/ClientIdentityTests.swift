import HTTPTypes
import NIOCore
import Testing

@testable import Engine
@testable import Server

@Suite struct ClientIdentityTests {
    private func client(_ body: String, keys: [String] = [], headers: HTTPFields = [:], trustsUser: Bool = false) async throws -> String? {
        let service = ScriptedService()
        var settings = ServerSettings.patient
        settings.apiKeys = keys
        settings.trustsUser = trustsUser
        try await Server.test(service, settings: settings) { client in
            let reply = try await client.post("/v1/completions", body, headers: headers)
            #expect(reply.status == 200)
        }
        return service.log.requests.first?.client
    }

    private static let ada = #"{"prompt": "a", "user": "ada"}"#

    private func bearer(_ key: String) -> HTTPFields { [.authorization: "Bearer \(key)"] }

    @Test func keysThenAddresses() async throws {
        #expect(try await client(Self.ada, keys: ["k1", "k2"], headers: bearer("k2")) == "key 1")
        #expect(try await client(Self.ada, keys: ["k1", "k2"], headers: bearer("k1")) == "key 0")
        #expect(try await client(Self.ada, keys: ["k1", "k2"], headers: [APIKeyMiddleware.header: "k2"]) == "key 1")
        // One key that all share says nothing.
        #expect(try await client(Self.ada, keys: ["k1"], headers: bearer("k1")) == "address unknown")
        #expect(try await client(#"{"prompt": "a"}"#) == "address unknown")
    }

    /// What a client writes itself must not make it another client, or the limit on what one may have waiting means nothing.
    @Test(arguments: ["ada", "bob", "", "key 0", "address 1.2.3.4"]) func usersAreNotBelieved(_ user: String) async throws {
        #expect(try await client(#"{"prompt": "a", "user": "\#(user)"}"#) == "address unknown")
        #expect(try await client(#"{"prompt": "a", "user": "\#(user)"}"#, keys: ["k1"], headers: bearer("k1")) == "address unknown")
    }

    @Test func usersAreBelievedWhereTheOperatorSaysSo() async throws {
        #expect(try await client(Self.ada, trustsUser: true) == "address unknown user ada")
        #expect(try await client(Self.ada, keys: ["k1", "k2"], headers: bearer("k1"), trustsUser: true) == "key 0 user ada")
        #expect(try await client(#"{"prompt": "a", "user": ""}"#, trustsUser: true) == "address unknown")
        let long = #"{"prompt": "a", "user": "\#(String(repeating: "x", count: 5000))"}"#
        #expect(try await client(long, trustsUser: true)?.utf8.count == "address unknown user ".utf8.count + 256)
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"),
        ("::1", "loopback"), ("::ffff:127.0.0.1", "loopback"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"), ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
    ])
    func addressesOfOneOwnerCountTogether(_ address: String, _ owner: String) throws {
        #expect(try SocketAddress(ipAddress: address, port: 1).owner == owner)
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
