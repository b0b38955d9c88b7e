import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A client that says exactly what a test wants, byte for byte, and reads only when it wants.
final class RawConnection: Sendable {
    private let receiver: Receiver
    let channel: any Channel

    /// - Parameter reads: whether it takes what it is sent.
    static func open(_ client: Client, sending text: String = "", reads: Bool = true) async throws -> RawConnection {
        let receiver = Receiver()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.so_rcvbuf), value: reads ? 256 << 10 : 4 << 10)
            .channelInitializer { channel in channel.pipeline.addHandler(receiver) }
            .connect(host: "localhost", port: try #require(client.port)).get()
        let connection = RawConnection(channel, receiver)
        try await connection.send(text)
        return connection
    }

    private init(_ channel: any Channel, _ receiver: Receiver) {
        (self.channel, self.receiver) = (channel, receiver)
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// Everything received so far.
    var text: String { receiver.state.withLock { $0.text } }
    /// The server has closed its side, or all of it.
    var isEnded: Bool { receiver.state.withLock { $0.isEnded } }

    func close() async { try? await channel.close() }

    /// All that comes until the server closes.
    func rest() async throws -> String {
        try await eventually { self.isEnded }
        return text
    }

    final class Receiver: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let state = Mutex((text: "", isEnded: false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let piece = String(buffer: unwrapInboundIn(data))
            state.withLock { $0.text += piece }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent { state.withLock { $0.isEnded = true } }
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.withLock { $0.isEnded = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

/// Waits for what will happen, however long it takes on a busy machine.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<100_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("it never happened")
}
