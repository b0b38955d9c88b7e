import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import Server

/// Connections that are accepted while the server stops are taken by no task. They end, and nothing else does.
@Suite struct DroppedConnectionTests {
    private func dropped(_ registry: ConnectionRegistry) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let setup = ConnectionChannel(
            responder: { _, _, _ in }, settings: .patient, metrics: ServerMetrics(adapterLimit: 1), registry: registry)
        // As the accepting task does when it has ended: nobody keeps what was made.
        _ = setup.setup(channel: channel, logger: Logger(label: "test"))
        return channel
    }

    @Test(arguments: ["", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"])
    func aConnectionThatNobodyTakesEndsQuietly(_ text: String) throws {
        let registry = ConnectionRegistry(limit: 8)
        let channel = try dropped(registry)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        if !text.isEmpty { try channel.writeInbound(ByteBuffer(string: text)) }
        #expect(registry.count == 1)
        try channel.close().wait()
        #expect(registry.count == 0)
    }

    @Test func oneThatIsGoneBeforeItWasActive() throws {
        let registry = ConnectionRegistry(limit: 8)
        try dropped(registry).close().wait()
        #expect(registry.count == 0)
    }

    @Test func clientsThatComeWhileTheServerStops() async throws {
        for _ in 0..<10 {
            let clients = Mutex<[Task<Void, Never>]>([])
            try await Server.testLive { (client: Client) async throws -> Void in
                for _ in 0..<16 {
                    let task = Task {
                        while !Task.isCancelled, let connection = try? await RawConnection.open(client) { await connection.close() }
                    }
                    clients.withLock { $0.append(task) }
                }
                let health = try await client.get("/health")
                #expect(health.status == 200)
            }
            for client in clients.withLock({ $0 }) {
                client.cancel()
                await client.value
            }
        }
    }
}
