import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Server

/// Clients that hang up, dawdle, or are still there when the server stops. Nothing here depends on how long something takes, only on that
/// it happens.
@Suite struct ConnectionTests {
    private static let endless = #"{"prompt": "a", "max_tokens": 100"#

    /// Sends `text` on a connection of its own.
    private func connect(
        _ client: Client, sending text: String, onReceive: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> any Channel {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in channel.pipeline.addHandler(Receiver(onReceive)) }
            .connect(host: "localhost", port: try #require(client.port)).get()
        try await channel.writeAndFlush(ByteBuffer(string: text))
        return channel
    }

    private func post(_ body: String) -> String {
        "POST \(completionPath) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test(arguments: [(true, CloseMode.all), (false, .all), (true, .output), (false, .output)])
    func hangingUpCancelsTheSequence(_ streams: Bool, _ mode: CloseMode) async throws {
        let service = ScriptedService(ending: .never)
        try await Server.testLive(service) { client in
            let channel = try await connect(client, sending: post(Self.endless + (streams ? #", "stream": true}"# : "}")))
            try await eventually { service.log.requests.count == 1 && client.server.drain.inFlight == 1 }
            #expect(service.log.cancelled == 0)
            try await channel.close(mode: mode)
            try await eventually { service.log.cancelled == 1 && client.server.drain.inFlight == 0 }
            // A stream has begun with 200; who leaves before an answer is no fault of the server's.
            try await eventually { try await client.get("/metrics").text.contains(#"status="\#(streams ? 200 : 499)"} 1"#) }
            #expect(try await !client.get("/metrics").text.contains(#"status="500""#))
            #expect(try await client.get("/health").status == 200)
            #expect(try await client.get("/metrics").text.contains("resa_hang_ups_total 1\n"))
            try? await channel.close()
        }
    }

    @Test(arguments: [
        (completionPath, #"{"prompt": "a", "max_tokens": 100}"#),
        (chatPath, #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 100}"#),
        ("/v1/compare", #"{"prompt": "a", "max_tokens": 100, "variants": [[], ["math-lora"]]}"#),
    ])
    func leavingIsNoFaultOfTheServers(_ path: String, _ body: String) async throws {
        let service = ScriptedService(ending: .never)
        try await Server.testLive(service) { client in
            let channel = try await connect(
                client, sending: "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            try await eventually { client.server.drain.inFlight == 1 }
            try await channel.close()
            try await eventually { try await client.get("/metrics").text.contains(#"route="\#(path)",status="499"} 1"#) }
            #expect(try await !client.get("/metrics").text.contains(#"status="500""#))
        }
    }

    @Test func halfSentRequestsHarmNobody() async throws {
        try await Server.testLive { client in
            for text in ["POST /v1/comp", "POST \(completionPath) HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"prompt\""] {
                let channel = try await connect(client, sending: text)
                try await channel.close()
                #expect(try await client.get("/health").status == 200)
            }
        }
    }

    @Test func aBodyThatNeverArrivesIsGivenUp() async throws {
        var settings = ServerSettings.patient
        settings.bodySeconds = 1
        try await Server.testLive(settings: settings) { client in
            let channel = try await connect(
                client, sending: "POST \(completionPath) HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"prompt\"")
            // The server closes the connection, which ends it here too.
            try await channel.closeFuture.get()
            #expect(try await client.get("/metrics").text.contains(#"status="408"} 1"#))
        }
    }

    @Test func aClientThatWaitsForContinueIsToldToGoOn() async throws {
        try await Server.testLive { client in
            let received = Mutex("")
            let channel = try await connect(
                client, sending: "POST \(completionPath) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 15\r\n\r\n"
            ) { text in received.withLock { $0 += text } }
            try await eventually { received.withLock { $0.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n") } }
            try await channel.writeAndFlush(ByteBuffer(string: #"{"prompt": "a"}"#))
            try await eventually { received.withLock { $0.contains("HTTP/1.1 200 OK") && $0.contains("Hello world!") } }
            try await channel.close()
        }
    }

    @Test func keepAliveSurvivesErrorsAndAnswers() async throws {
        try await Server.testLive { client in
            for (body, status) in [
                (#"{"prompt": "a"}"#, 200), ("{", 400), (#"{"prompt": "a", "stream": true}"#, 200), (#"{"prompt": 5}"#, 400),
            ] {
                let reply = try await client.post(completionPath, body)
                #expect(reply.status == status)
            }
            let health = try await client.get("/health")
            #expect(health.status == 200)
            #expect(client.connectionsOpened == 1)
        }
    }

    @Test func drainingRefusesNewRequestsAndLetsOthersEnd() async throws {
        try await Server.test { client in
            let gate = client.server.drain
            let ticket = try gate.enter {}
            let ended = Mutex(false)
            async let drained: Void = {
                await gate.drain()
                ended.withLock { $0 = true }
            }()
            try await eventually { gate.isDraining }
            let reply = try await client.post(completionPath, #"{"prompt": "a"}"#)
            #expect(reply.status == 503 && reply.error["code"]?.string == "draining" && reply.headers[.retryAfter] != nil)
            #expect(try await client.get("/health").status == 503)
            #expect(!ended.withLock { $0 })
            gate.leave(ticket)
            await drained
            #expect(ended.withLock { $0 })
        }
    }

    @Test func drainingCancelsWhatTakesTooLong() async throws {
        let service = ScriptedService(ending: .never)
        var settings = ServerSettings.patient
        settings.drainSeconds = 0
        try await Server.testLive(service, settings: settings) { client in
            async let reply = client.post(completionPath, Self.endless + "}")
            try await eventually { client.server.drain.inFlight == 1 }
            await client.server.drain.drain()
            #expect(try await reply.status == 503)
            #expect(service.log.cancelled == 1)
        }
    }
}

private final class Receiver: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let onReceive: @Sendable (String) -> Void

    init(_ onReceive: @escaping @Sendable (String) -> Void) {
        self.onReceive = onReceive
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        onReceive(String(buffer: unwrapInboundIn(data)))
    }
}
