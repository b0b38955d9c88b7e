import Logging
import NIOCore

/// Decrypts what comes from the socket and encrypts what goes there.
///
/// What is written waits until it is flushed, so that the pieces of a message share records. Plain bytes are handed on as they come: never
/// more than one read of the socket holds, so that whoever reads nothing more is sent nothing more.
package final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = IOData
    package typealias OutboundOut = IOData

    /// What writing throws on a connection that cannot be written to.
    package struct Broken: Error, CustomStringConvertible {
        package let description: String
    }

    private enum Phase {
        case greeting
        case open
        /// Our side has said that it sends no more.
        case ended
        case broken
    }

    private var session: TLSSession?
    private let limit: TimeAmount
    private let logger: Logger
    private let onFailure: () -> Void
    private var phase = Phase.greeting
    private var timer: Scheduled<Void>?
    private var greetingBytes = 0
    private var hasHeardEnd = false
    private var waiting: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var isFlushWanted = false

    /// Bytes that a client may send before the connection is open: a greeting has some hundred, with many extensions some thousand.
    private static let greetingLimit = 64 << 10
    private static let recordBytes = 16 << 10

    /// - Parameters:
    ///   - handshakeLimit: how long the greeting may take.
    ///   - onFailure: hears of greetings that come to nothing.
    package init(_ certificate: ServerCertificate, handshakeLimit: TimeAmount, logger: Logger, onFailure: @escaping () -> Void = {}) {
        session = TLSSession(certificate.current(logger))
        (limit, self.logger, self.onFailure) = (handshakeLimit, logger, onFailure)
    }

    // MARK: - The greeting

    package func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
            self?.giveUp("it took too long", context)
        }
        if session == nil { giveUp("there is no memory for it", context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    private func greet(_ context: ChannelHandlerContext) {
        let progress = session?.handshake() ?? .failed("there is no session")
        send(context, promise: nil)
        switch progress {
        case .waits:
            if greetingBytes > Self.greetingLimit { giveUp("the greeting is too long", context) }
        case .done:
            phase = .open
            timer?.cancel()
            timer = nil
            if isFlushWanted { flush(context: context) }
        case .ended: giveUp("the client left", context)
        case .failed(let reason): giveUp(reason, context)
        }
    }

    private func giveUp(_ reason: String, _ context: ChannelHandlerContext) {
        guard phase == .greeting else { return }
        phase = .broken
        logger.debug("closing a connection whose TLS handshake failed", metadata: ["reason": .string(reason)])
        onFailure()
        timer?.cancel()
        timer = nil
        fail(reason)
        context.close(promise: nil)
    }

    // MARK: - What comes in

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .broken else { return }
        let buffer = unwrapInboundIn(data)
        session?.receive(buffer)
        if phase == .greeting {
            greetingBytes += buffer.readableBytes
            greet(context)
        }
        if phase == .open || phase == .ended { decrypt(context) }
    }

    private func decrypt(_ context: ChannelHandlerContext) {
        guard !hasHeardEnd else { return }
        var plain = context.channel.allocator.buffer(capacity: 0)
        let progress = session?.read(into: &plain) ?? .ended
        // Answers to messages of TLS itself.
        send(context, promise: nil)
        if plain.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plain)) }
        switch progress {
        case .waits, .done: break
        case .ended: hearEnd(context)
        case .failed(let reason):
            phase = .broken
            logger.debug("closing a connection whose TLS broke", metadata: ["reason": .string(reason)])
            fail(reason)
            context.close(promise: nil)
        }
    }

    /// The client sends no more: it said so, or closed its side of the socket without a word, as many do.
    private func hearEnd(_ context: ChannelHandlerContext) {
        guard !hasHeardEnd else { return }
        hasHeardEnd = true
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        if phase == .greeting { giveUp("the client left", context) } else { hearEnd(context) }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        phase = .broken
        fail("the connection is closed")
        context.fireChannelInactive()
    }

    // MARK: - What goes out

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard phase == .greeting || phase == .open, case .byteBuffer(let buffer) = unwrapOutboundIn(data) else {
            promise?.fail(Broken(description: "nothing can be sent on this connection"))
            return
        }
        waiting.append((buffer, promise))
    }

    package func flush(context: ChannelHandlerContext) {
        guard phase == .open else {
            isFlushWanted = true
            return
        }
        isFlushWanted = false
        let (pieces, promise) = takeWaiting(context)
        for piece in pieces where session?.write(piece) != true {
            phase = .broken
            promise?.fail(Broken(description: "TLS cannot encrypt"))
            context.close(promise: nil)
            return
        }
        send(context, promise: promise)
        context.flush()
    }

    /// What waits, small pieces joined, and one promise for all of them.
    private func takeWaiting(_ context: ChannelHandlerContext) -> (pieces: [ByteBuffer], promise: EventLoopPromise<Void>?) {
        var pieces: [ByteBuffer] = []
        var promise: EventLoopPromise<Void>?
        for (bytes, wanted) in waiting {
            if var last = pieces.last, last.readableBytes + bytes.readableBytes <= Self.recordBytes {
                pieces.removeLast()
                last.writeImmutableBuffer(bytes)
                pieces.append(last)
            } else {
                pieces.append(bytes)
            }
            guard let wanted else { continue }
            if let promise { promise.futureResult.cascade(to: wanted) } else { promise = wanted }
        }
        waiting.removeAll(keepingCapacity: true)
        return (pieces, promise)
    }

    /// Hands on what OpenSSL wants to send.
    private func send(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        guard let output = session?.takeOutput(context.channel.allocator) else {
            promise?.succeed()
            return
        }
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(output)), promise: promise)
    }

    private func fail(_ reason: String) {
        for (_, promise) in waiting { promise?.fail(Broken(description: reason)) }
        waiting.removeAll()
    }

    // MARK: - The end

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input {
            if phase == .open {
                flush(context: context)
                if phase == .open {
                    session?.end()
                    send(context, promise: nil)
                    phase = .ended
                }
            } else if phase == .greeting {
                phase = .broken
                timer?.cancel()
                timer = nil
                fail("the connection is closed")
            }
        }
        context.close(mode: mode, promise: promise)
    }
}
