import HTTPTypes
import JSONText
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Watches over one connection's time and its end: how long it may stand idle, how long a body may take, what becomes of the rest of a body
/// whose request was answered early, and that a client can read its answer before the connection closes.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// What reading a body throws when it took too long.
    struct BodyTimeout: Error {}

    private enum Phase {
        case open
        /// The request was answered before its body ended; the rest is thrown away.
        case discarding
        /// The last answer was written.
        case closing
    }

    /// Seconds a client gets to read the last answer and close.
    private static let lingerSeconds = 2

    private let settings: ServerSettings
    private let metrics: ServerMetrics
    private let meter: SocketMeter
    private let ending: AnswerEnding
    private let place: ConnectionRegistry.Place

    private var phase = Phase.open
    /// The head of a request has come, its end has not.
    private var isReading = false
    /// Requests that were not answered to their end.
    private var owed = 0
    private var bodyStart = NIODeadline.now()
    /// Bytes of the body that are still to come, where its length was told.
    private var bodyRest: Int?
    /// The client may wait with its body until it is told to go on, or may not.
    private var waitsToContinue = false
    /// What was wrong with a request that came while others were being answered.
    private var failure: (any Error)?
    private var isQuiescing = false
    private var deadline: NIODeadline?
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?

    init(
        settings: ServerSettings, metrics: ServerMetrics, meter: SocketMeter, ending: AnswerEnding, place: ConnectionRegistry.Place
    ) {
        (self.settings, self.metrics, self.meter, self.ending, self.place) = (settings, metrics, meter, ending, place)
    }

    func channelActive(context: ChannelHandlerContext) {
        becomeIdle(context)
        context.fireChannelActive()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { becomeIdle(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.task.cancel()
        timer = nil
        place.leave()
        context.fireChannelInactive()
    }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .closing else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            isReading = true
            owed += 1
            deadline = nil
            bodyStart = .now()
            bodyRest = Self.length(head)
            waitsToContinue = head.expectsContinue
            place.move(to: .receiving)
        case .body(let buffer):
            bodyRest = bodyRest.map { $0 - buffer.readableBytes }
            if phase == .discarding { return }
        case .end:
            isReading = false
            deadline = nil
            if phase == .discarding {
                phase = .open
                meter.allowAll()
                becomeIdle(context)
            } else {
                place.move(to: .answering)
            }
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isReading, phase == .open, deadline == nil { wait(until: bodyStart + .seconds(Int64(settings.bodySeconds)), context) }
        context.fireChannelReadComplete()
    }

    /// Bytes of the body; nil when only its end will tell.
    private static func length(_ head: HTTPRequest) -> Int? {
        guard let text = head.headerFields[.contentLength] else { return head.headerFields[.transferEncoding] == nil ? 0 : nil }
        return Int(text) ?? .max
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is MessageRules.Violation || error is HTTP1TypeConversionError else {
            context.fireErrorCaught(error)
            return
        }
        switch phase {
        case .closing: return
        case .discarding: beginClosing(context)
        case .open:
            if isReading {
                // Whoever reads this body answers.
                ending.isWanted = true
                context.fireErrorCaught(error)
            } else if owed > 0 {
                failure = error
            } else {
                refuse(error, context)
            }
        }
    }

    // MARK: - Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if head.status.kind == .informational {
                waitsToContinue = false
            } else if isQuiescing || place.isWanted || (isReading && owed == 1 && restIsTooLong) {
                ending.isWanted = true
            }
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.writeAndFlush(data, promise: promise)
            answered(context)
        }
    }

    private var restIsTooLong: Bool { waitsToContinue || (bodyRest ?? 0) > settings.maxDiscardBytes }

    private func answered(_ context: ChannelHandlerContext) {
        owed -= 1
        if ending.isAnnounced || isQuiescing { return beginClosing(context, lingers: isReading) }
        guard owed == 0 else { return }
        if isReading {
            phase = .discarding
            place.move(to: .answered)
            meter.allow(settings.maxDiscardBytes) { [weak self] in self?.beginClosing(context) }
            wait(until: max(bodyStart + .seconds(Int64(settings.bodySeconds)), .now() + .seconds(1)), context)
        } else if let failure {
            refuse(failure, context)
        } else {
            becomeIdle(context)
        }
    }

    /// Answers what is no request.
    private func refuse(_ error: any Error, _ context: ChannelHandlerContext) {
        failure = nil
        let problem = APIError.malformed(error)
        metrics.answered(method: "other", route: "other", status: problem.status.code, after: .zero)
        let body = ByteBuffer(bytes: JSONWriter.bytes(problem.json))
        var head = problem.response.head
        head.headerFields[RequestIDMiddleware.header] = RequestIDMiddleware.make()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        beginClosing(context)
    }

    // MARK: - Time

    private func becomeIdle(_ context: ChannelHandlerContext) {
        place.move(to: .idle)
        wait(until: .now() + .seconds(Int64(settings.idleSeconds)), context)
    }

    private func wait(until deadline: NIODeadline, _ context: ChannelHandlerContext) {
        self.deadline = deadline
        if let timer, timer.due <= deadline { return }
        timer?.task.cancel()
        timer = (deadline, context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timeIsUp(context) })
    }

    private func timeIsUp(_ context: ChannelHandlerContext) {
        timer = nil
        guard let deadline else { return }
        guard deadline <= .now() else { return wait(until: deadline, context) }
        self.deadline = nil
        switch phase {
        case .closing: context.close(promise: nil)
        case .discarding: beginClosing(context)
        case .open where isReading:
            ending.isWanted = true
            context.fireErrorCaught(BodyTimeout())
        case .open:
            if owed == 0 { context.close(promise: nil) }
        }
    }

    // MARK: - The end

    /// Sends no more.
    /// - Parameter lingers: whether the client may still be sending. It gets time to read what was sent then: closing at once, with bytes of
    ///   the client unread, would take it away.
    private func beginClosing(_ context: ChannelHandlerContext, lingers: Bool = true) {
        guard phase != .closing else { return }
        phase = .closing
        deadline = nil
        place.move(to: .answered)
        meter.discard(settings.maxDiscardBytes)
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenComplete { [weak self] result in
            guard let self else { return }
            switch result {
            case .success where lingers: self.wait(until: .now() + .seconds(Int64(Self.lingerSeconds)), context)
            case .success, .failure: context.close(promise: nil)
            }
        }
        context.close(mode: .output, promise: closed)
        // No further request will be read.
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        isQuiescing = true
        if owed == 0 || phase == .closing { context.close(promise: nil) }
    }
}

extension HTTPRequest {
    /// Wants to be told before it sends its body.
    var expectsContinue: Bool { headerFields[.expect]?.lowercased() == "100-continue" }
}
