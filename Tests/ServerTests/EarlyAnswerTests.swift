import NIOCore
import Testing

@testable import Server

/// Requests that are answered before their bodies have come, and connections that are held open for nothing.
@Suite struct EarlyAnswerTests {
    private static func head(_ path: String, _ fields: String, method: String = "POST") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n"
    }

    private static let chunked = "Transfer-Encoding: chunked"
    private static let slow: [(String, Int)] = [
        (head("/v1/completions", chunked) + "1\r\nx\r\n", 401),
        (head("/v1/completions", "Content-Length: 100") + "x", 401),
        (head("/nothing", chunked + "\r\nAuthorization: Bearer k") + "1\r\nx\r\n", 404),
        (head("/health", chunked, method: "GET") + "1\r\nx\r\n", 200),
        (head("/tokenize", chunked + "\r\nAuthorization: Bearer k", method: "DELETE") + "1\r\nx\r\n", 405),
        (head("/tokenize", chunked + "\r\nAuthorization: Bearer k\r\nContent-Encoding: gzip") + "1\r\nx\r\n", 400),
        (head("/tokenize", "Content-Length: 99999999\r\nAuthorization: Bearer k") + "x", 413),
        (head("/tokenize", chunked + "\r\nAuthorization: Bearer k") + "1\r\nx\r\n", 408),
    ]

    @Test(arguments: slow)
    func theRestOfABodyIsNotWaitedForForever(_ request: String, _ status: Int) async throws {
        var settings = ServerSettings.patient
        settings.apiKeys = ["k"]
        settings.bodySeconds = 1
        try await Server.testLive(settings: settings) { client in
            let connection = try await RawConnection.open(client, sending: request)
            #expect(try await connection.rest().hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test(arguments: ["/v1/completions", "/nothing", "/health"])
    func theRestOfABodyIsNotReadForever(_ path: String) async throws {
        var settings = ServerSettings.patient
        settings.apiKeys = ["k"]
        settings.maxDiscardBytes = 1000
        try await Server.testLive(settings: settings) { client in
            let connection = try await RawConnection.open(client, sending: Self.head(path, Self.chunked))
            let piece = "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n"
            var sent = 0
            // Far more than the system's buffers hold.
            while sent < 16384, (try? await connection.send(piece)) != nil { sent += 1 }
            #expect(sent < 16384)
            let reply = try await client.get("/health")
            #expect(reply.status == 200)
        }
    }

    /// Short bodies do no harm, and connections are dear to clients.
    @Test(arguments: ["/v1/completions", "/nothing", "/health"])
    func shortBodiesKeepTheConnection(_ path: String) async throws {
        var settings = ServerSettings.patient
        settings.apiKeys = ["k"]
        try await Server.testLive(settings: settings) { client in
            for body in ["Content-Length: 3\r\n\r\nabc", Self.chunked + "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
                let connection = try await RawConnection.open(client, sending: "POST \(path) HTTP/1.1\r\nHost: x\r\n" + body)
                try await connection.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                #expect(try await connection.rest().hasSuffix(#"{"status":"ok"}"#))
            }
        }
    }

    @Test(arguments: [("/v1/completions", 401), ("/nothing", 401), ("/health", 405)])
    func nobodyIsAskedForABodyThatIsNotWanted(_ path: String, _ status: Int) async throws {
        var settings = ServerSettings.patient
        settings.apiKeys = ["k"]
        try await Server.testLive(settings: settings) { client in
            let connection = try await RawConnection.open(
                client, sending: Self.head(path, "Content-Length: 3\r\nExpect: 100-continue"))
            let text = try await connection.rest()
            #expect(text.hasPrefix("HTTP/1.1 \(status) ") && text.lowercased().contains("connection: close"))
        }
    }

    /// As many connections as there may be, each held open by a client that sends nothing more: the next one is served.
    @Test(arguments: [
        "", "GET /hea", head("/tokenize", chunked) + "1\r\nx\r\n", head("/nothing", chunked) + "1\r\nx\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    ])
    func idlersShutNobodyOut(_ text: String) async throws {
        var settings = ServerSettings.patient
        settings.maxConnections = 4
        try await Server.testLive(settings: settings) { client in
            var idlers: [RawConnection] = []
            for _ in 0..<12 { idlers.append(try await RawConnection.open(client, sending: text)) }
            let connection = try await RawConnection.open(
                client, sending: "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(try await connection.rest().hasSuffix(#"{"status":"ok"}"#))
            for idler in idlers { await idler.close() }
        }
    }

    @Test func whoWaitsForAnAnswerIsNotClosedForOthers() async throws {
        let service = ScriptedService(ending: .never)
        var settings = ServerSettings.patient
        settings.maxConnections = 2
        try await Server.testLive(service, settings: settings) { client in
            let body = #"{"prompt": "a", "max_tokens": 100}"#
            let request = Self.head("/v1/completions", "Content-Length: \(body.utf8.count)") + body
            var waiting: [RawConnection] = []
            // The client that the harness made is idle, and makes room first.
            for _ in 0..<2 { waiting.append(try await RawConnection.open(client, sending: request)) }
            try await eventually { service.log.requests.count == 2 }
            for _ in 0..<3 { waiting.append(try await RawConnection.open(client)) }
            try await Task.sleep(for: .milliseconds(50))
            #expect(service.log.cancelled == 0)
            for connection in waiting { await connection.close() }
            try await eventually { service.log.cancelled == 2 }
        }
    }
}
