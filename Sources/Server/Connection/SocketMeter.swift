import Foundation
import Logging
import NIOCore

/// Counts the bytes of one connection where they leave and enter it: gives up a client that takes none for too long, and bounds those that
/// nobody asked for.
final class SocketMeter: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let writeLimit: TimeAmount
    private let logger: Logger
    private let onStuck: () -> Void

    /// Bytes handed to the channel, and those of them that the system has taken.
    private var queued = 0
    private var taken = 0
    private var lastTaken = NIODeadline.now()
    private var watch: Scheduled<Void>?

    /// Bytes that may still come; nil while everything is wanted.
    private var allowance: Int?
    private var onExhausted: (() -> Void)?
    private var dropsInput = false

    init(writeLimit: TimeAmount, logger: Logger, onStuck: @escaping () -> Void) {
        (self.writeLimit, self.logger, self.onStuck) = (writeLimit, logger, onStuck)
    }

    // MARK: - What leaves

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        queued += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        guard watch == nil, pending(context) > 0 else { return }
        taken = queued - pending(context)
        lastTaken = .now()
        schedule(context)
    }

    private func pending(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    private func schedule(_ context: ChannelHandlerContext) {
        // Often enough that the limit is kept to a quarter.
        let step = TimeAmount.nanoseconds(max(writeLimit.nanoseconds / 4, 1_000_000))
        watch = context.eventLoop.assumeIsolated().scheduleTask(in: step) { self.check(context) }
    }

    private func check(_ context: ChannelHandlerContext) {
        watch = nil
        let left = pending(context)
        guard left > 0 else { return }
        let now = NIODeadline.now()
        if queued - left > taken { (taken, lastTaken) = (queued - left, now) }
        guard now - lastTaken >= writeLimit else { return schedule(context) }
        logger.info("closing a connection whose client takes no bytes", metadata: ["unsent": .stringConvertible(left)])
        onStuck()
        // What the system still holds for this client goes too.
        (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
        context.close(promise: nil)
    }

    // MARK: - What comes in

    /// From here on at most `bytes` more are wanted; the first beyond them calls `onExhausted`, and no more is read.
    func allow(_ bytes: Int, onExhausted: @escaping () -> Void) {
        (allowance, self.onExhausted) = (bytes, onExhausted)
    }

    /// Everything is wanted again.
    func allowAll() {
        (allowance, onExhausted) = (nil, nil)
    }

    /// What comes is read, so that the client is not kept from reading its answer, and thrown away: at most `bytes`, or what was left of
    /// an earlier allowance.
    func discard(_ bytes: Int) {
        allowance = min(allowance ?? bytes, bytes)
        onExhausted = nil
        dropsInput = true
    }

    private var isExhausted: Bool { allowance.map { $0 < 0 } ?? false }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let left = allowance {
            allowance = left - unwrapInboundIn(data).readableBytes
            if isExhausted, let report = onExhausted {
                onExhausted = nil
                report()
            }
        }
        if !dropsInput { context.fireChannelRead(data) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Nobody above reads any more.
        if dropsInput { read(context: context) }
    }

    func read(context: ChannelHandlerContext) {
        if !isExhausted { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch?.cancel()
        watch = nil
        context.fireChannelInactive()
    }
}
