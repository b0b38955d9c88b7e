import JSONText
import Testing

@testable import Server

/// What RFC 9110 and 9112 ask of a server, seen byte for byte.
@Suite struct MessageRulesTests {
    private static let health = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    /// A body after a HEAD would be taken for the head of the next answer.
    @Test(arguments: [
        ("/health", 200), ("/v1/models", 200), ("/metrics", 200), ("/nothing", 404), ("/v1/models/nothing", 404), ("/tokenize", 405),
        ("/v1/chat/completions", 405),
    ])
    func answersToHeadHaveNoBody(_ path: String, _ status: Int) async throws {
        try await Server.testLive { client in
            let connection = try await RawConnection.open(client, sending: "HEAD \(path) HTTP/1.1\r\nHost: x\r\n\r\n" + Self.health)
            let messages = try await connection.rest().split(separator: "\r\n\r\n")
            #expect(messages.count == 3, "two heads, and the body of the second")
            #expect(messages[0].hasPrefix("HTTP/1.1 \(status) "))
            #expect(messages[0].contains("Content-Length: ") && !messages[0].contains("Content-Length: 0"), "as GET would say")
            #expect(messages[1].hasPrefix("HTTP/1.1 200 "))
            #expect(messages[2] == #"{"status":"ok"}"#)
        }
    }

    @Test func aRefusedHeadHasNoBodyEither() async throws {
        var settings = ServerSettings.patient
        settings.apiKeys = ["k"]
        try await Server.testLive(settings: settings) { client in
            let connection = try await RawConnection.open(client, sending: "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n" + Self.health)
            let messages = try await connection.rest().split(separator: "\r\n\r\n")
            #expect(messages.count == 3 && messages[0].hasPrefix("HTTP/1.1 401 ") && messages[1].hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func noContentHasNoBodyAndNoLength() async throws {
        try await Server.testLive { client in
            let connection = try await RawConnection.open(client, sending: "OPTIONS /tokenize HTTP/1.1\r\nHost: x\r\n\r\n" + Self.health)
            let messages = try await connection.rest().split(separator: "\r\n\r\n")
            #expect(messages.count == 3 && messages[0].hasPrefix("HTTP/1.1 204 "))
            #expect(!messages[0].lowercased().contains("content-length") && !messages[0].lowercased().contains("transfer-encoding"))
        }
    }

    @Test(arguments: ["close", "Close", "CLOSE", "x-thing, Close"])
    func whoAsksForTheEndGetsIt(_ word: String) async throws {
        try await Server.testLive { client in
            let connection = try await RawConnection.open(
                client, sending: "GET /health HTTP/1.1\r\nHost: x\r\nConnection: \(word)\r\n\r\n")
            let text = try await connection.rest()
            #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
        }
    }

    @Test func oldClientsGetAnEndUnlessTheyAskForMore() async throws {
        try await Server.testLive { client in
            let ends = try await RawConnection.open(client, sending: "GET /health HTTP/1.0\r\n\r\n")
            #expect(try await ends.rest().hasSuffix(#"{"status":"ok"}"#))
            let again = "GET /health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
            let stays = try await RawConnection.open(client, sending: again + again + "GET /health HTTP/1.0\r\n\r\n")
            let text = try await stays.rest()
            #expect(text.ranges(of: #"{"status":"ok"}"#).count == 3)
            #expect(text.lowercased().ranges(of: "connection: keep-alive").count == 2)
        }
    }

    /// HTTP/1.0 knows no chunks: a stream without a length ends with the connection, whatever was asked.
    @Test(arguments: ["", "Connection: keep-alive\r\n"])
    func oldClientsGetNoChunks(_ header: String) async throws {
        try await Server.testLive { client in
            let body = #"{"prompt": "a", "stream": true}"#
            let connection = try await RawConnection.open(
                client, sending: "POST \(completionPath) HTTP/1.0\r\n\(header)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let text = try await connection.rest()
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
            #expect(parts[0].hasPrefix("HTTP/1.0 200 ") && !parts[0].lowercased().contains("transfer-encoding"))
            #expect(parts[0].lowercased().contains("connection: close"))
            #expect(parts[1].hasPrefix("data: {") && parts[1].hasSuffix("data: [DONE]\n\n"))
        }
    }

    private static let faulty: [(String, Int)] = [
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET /health HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n", 413),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST /tokenize HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("NONSENSE\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 505),
        ("GET /health HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: 70_000))\r\n\r\n", 431),
    ]

    @Test(arguments: faulty)
    func faultyFramingIsAnsweredInTheShapeOfErrorsAndEnds(_ request: String, _ status: Int) async throws {
        try await Server.testLive { client in
            let connection = try await RawConnection.open(client, sending: request)
            let parts = try await connection.rest().split(separator: "\r\n\r\n", maxSplits: 1)
            try #require(parts.count == 2)
            #expect(parts[0].hasPrefix("HTTP/1.1 \(status) ") || parts[0].hasPrefix("HTTP/1.0 \(status) "))
            #expect(parts[0].lowercased().contains("connection: close"))
            let error = try JSON(parsing: String(parts[1]))["error"]
            #expect(error?["message"]?.string?.isEmpty == false && error?["code"]?.string != nil)
            #expect(error?["type"]?.string == "invalid_request_error" && error?["param"] == .null)
            #expect(try await client.get("/metrics").text.contains(#"status="\#(status)"} 1"#))
        }
    }

    @Test func whatIsWrongIsToldAfterTheAnswersBeforeIt() async throws {
        try await Server.testLive { client in
            let connection = try await RawConnection.open(
                client, sending: "GET /health HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n")
            let messages = try await connection.rest().split(separator: "\r\n\r\n")
            #expect(messages.count == 3 && messages[0].hasPrefix("HTTP/1.1 200 "))
            #expect(messages[1].hasPrefix(#"{"status":"ok"}HTTP/1.1 400 "#))
        }
    }

    /// What would come after an upgrade is not HTTP/1; without one the connection would stand still.
    @Test func anUpgradeIsDeclinedByAnswering() async throws {
        try await Server.testLive { client in
            let connection = try await RawConnection.open(
                client, sending: "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            let text = try await connection.rest()
            #expect(text.hasPrefix("HTTP/1.1 200 ") && text.lowercased().contains("connection: close"))
        }
    }
}
