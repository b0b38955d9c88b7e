import Foundation
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite struct TLSHandlerTests {
    private final class Failures {
        var count = 0
    }

    /// Hears of the end that the handler announces.
    private final class EndCounter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var ends = 0

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent { ends += 1 }
        }
    }

    private let failures = Failures()
    private let counter = EndCounter()

    private func open() throws -> EmbeddedChannel {
        let pair = try PairFolder()
        let certificate = try ServerCertificate(pair.files)
        let failures = failures
        let handler = TLSHandler(
            certificate, handshakeLimit: .seconds(10), logger: Logger(label: "test"), onFailure: { failures.count += 1 })
        let channel = EmbeddedChannel(handlers: [handler, counter])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func inbound(_ channel: EmbeddedChannel) throws -> [UInt8] {
        var all: [UInt8] = []
        while let buffer = try channel.readInbound(as: ByteBuffer.self) { all += Array(buffer.readableBytesView) }
        return all
    }

    @Test(arguments: [1, 7, .max])
    func bytesPassBothWays(piece: Int) throws {
        let channel = try open()
        let client = try TLSClient()
        try client.handshake(channel, piece: piece)
        let question = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        client.write(question)
        try client.send(channel, piece: piece)
        #expect(try inbound(channel) == question)
        let answer = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let written = channel.eventLoop.makePromise(of: Void.self)
        channel.write(IOData.byteBuffer(ByteBuffer(bytes: answer.prefix(5))), promise: written)
        channel.write(IOData.byteBuffer(ByteBuffer(bytes: answer.dropFirst(5))), promise: nil)
        #expect(try channel.readOutbound(as: IOData.self) == nil)
        channel.flush()
        try written.futureResult.wait()
        try client.receive(channel)
        #expect(client.read() == answer)
        let upload = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        client.write(Array(upload.prefix(16_000)))
        client.write(Array(upload.dropFirst(16_000)))
        try client.send(channel, piece: max(piece, 1000))
        #expect(try inbound(channel) == upload)
        #expect(failures.count == 0)
    }

    @Test func whatIsWrittenEarlyWaitsForTheHandshake() throws {
        let channel = try open()
        let client = try TLSClient()
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer(string: "early")), promise: nil)
        #expect(try channel.readOutbound(as: IOData.self) == nil)
        try client.handshake(channel)
        #expect(client.read() == Array("early".utf8))
    }

    @Test func anEndIsAnnouncedAndTheOtherSideMayGoOn() throws {
        let channel = try open()
        let client = try TLSClient()
        try client.handshake(channel)
        channel.write(IOData.byteBuffer(ByteBuffer(string: "bye")), promise: nil)
        channel.close(mode: .output, promise: nil)
        try client.receive(channel)
        #expect(client.read() == Array("bye".utf8) && client.hasHeardEnd)
        let late = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer(string: "more")), promise: late)
        #expect(throws: TLSHandler.Broken.self) { try late.futureResult.wait() }
    }

    @Test func theClientsEndIsHeardOnce() throws {
        let channel = try open()
        let client = try TLSClient()
        try client.handshake(channel)
        client.write(Array("last".utf8))
        client.end()
        try client.send(channel)
        #expect(try inbound(channel) == Array("last".utf8) && counter.ends == 1)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(counter.ends == 1 && failures.count == 0)
        // It still may be answered.
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer(string: "answer")), promise: nil)
        try client.receive(channel)
        #expect(client.read() == Array("answer".utf8))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{3}\u{1}\0\u{4}\u{2}\0\0\0", "SSH-2.0-x\r\n"])
    func whatIsNoTLSIsClosed(_ text: String) throws {
        let channel = try open()
        try channel.writeInbound(ByteBuffer(string: text))
        #expect(!channel.isActive && failures.count == 1)
        #expect(try inbound(channel) == [])
    }

    @Test func aGreetingTakesTenSecondsAtMost() throws {
        let channel = try open()
        let client = try TLSClient()
        _ = try? client.handshake(channel, piece: 1)
        let open = try self.open()
        open.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(open.isActive)
        open.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!open.isActive && failures.count == 1)
        // Who is through has all the time.
        channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(channel.isActive)
    }

    @Test func aGreetingHasABound() throws {
        let channel = try open()
        // The first of many records of a ClientHello of 130,000 bytes, and what follows.
        var first: [UInt8] = [1, 1, 0xfb, 0xd0, 3, 3]
        first += [UInt8](repeating: 0, count: (16 << 10) - first.count)
        let header: [UInt8] = [0x16, 3, 1, 0x40, 0]
        for number in 0..<8 where channel.isActive {
            try channel.writeInbound(ByteBuffer(bytes: header + (number == 0 ? first : [UInt8](repeating: 0, count: 16 << 10))))
            #expect(channel.isActive == (number < 3))
        }
        #expect(failures.count == 1)
    }
}
