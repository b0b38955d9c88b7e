import JSONText
import Testing

@testable import Server

/// Clients that ask and do not read.
@Suite(.serialized) struct SlowReaderTests {
    private static func post(_ path: String, _ body: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// More than the system's buffers of both sides hold: 4 MiB are sent ahead, and the client takes little.
    private static let pieces = Array(repeating: String(repeating: "x", count: 256 << 10), count: 40)
    private static let stream = post("/v1/completions", #"{"prompt": "a", "max_tokens": 50, "stream": true}"#)
    private static let chatStream = post(
        "/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 50, "stream": true}"#)
    private static let whole = post("/v1/completions", #"{"prompt": "a", "max_tokens": 50}"#)
    private static let detokenize = post("/detokenize", #"{"tokens": [1]}"#)

    @Test(arguments: [stream, chatStream, whole, detokenize])
    func whoTakesNoByteForTooLongIsGivenUp(_ request: String) async throws {
        let service = ScriptedService(pieces: Self.pieces, decoding: { _ in Self.pieces.joined() })
        var settings = ServerSettings.patient
        settings.writeSeconds = 1
        settings.requestMemoryBytes = 8 << 30
        try await Server.testLive(service, settings: settings) { client in
            let connection = try await RawConnection.open(client, sending: request, reads: false)
            try await eventually { try await client.get("/metrics").text.contains("resa_write_timeouts_total 1\n") }
            // Everything it held is free again.
            try await eventually { client.server.drain.inFlight == 0 && client.server.memoryInUse == 0 }
            await connection.close()
        }
    }

    @Test(arguments: [stream, whole, detokenize])
    func whoReadsLateGetsEverything(_ request: String) async throws {
        let service = ScriptedService(pieces: Self.pieces, decoding: { _ in Self.pieces.joined() })
        var settings = ServerSettings.patient
        settings.requestMemoryBytes = 8 << 30
        try await Server.testLive(service, settings: settings) { client in
            let connection = try await RawConnection.open(client, sending: request, reads: false)
            try await Task.sleep(for: .milliseconds(300))
            try await connection.channel.setOption(.autoRead, value: true).get()
            try await eventually { connection.text.utf8.count > 10 << 20 }
            try await eventually { client.server.drain.inFlight == 0 && client.server.memoryInUse == 0 }
            await connection.close()
        }
    }

    /// The events of a generation that nobody reads do not pile up without end.
    @Test(arguments: [stream, chatStream])
    func whatIsNotReadEndsTheGenerationWhereThereIsNoMemoryForIt(_ request: String) async throws {
        // It does not end by itself, however late the reader is found to be slow.
        let service = ScriptedService(pieces: Self.pieces, ending: .never)
        var settings = ServerSettings.patient
        settings.requestMemoryBytes = 1 << 20
        try await Server.testLive(service, settings: settings) { client in
            let connection = try await RawConnection.open(client, sending: request, reads: false)
            try await eventually { service.log.cancelled == 1 }
            try await connection.channel.setOption(.autoRead, value: true).get()
            try await eventually { connection.text.hasSuffix("0\r\n\r\n") }
            #expect(connection.text.contains(#""code":"memory_full""#) && !connection.text.contains("[DONE]"))
            try await eventually { client.server.drain.inFlight == 0 && client.server.memoryInUse == 0 }
            await connection.close()
        }
    }
}
