import HTTPTypes
import NIOCore
import NIOHTTP1

/// Keeps what RFC 9110 and 9112 ask of messages where the parser and the encoder leave it to others: which requests are faulty, which
/// answers have no body, and whether the connection stays open after one.
final class MessageRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// What is wrong with a request.
    struct Violation: Error {
        var status = HTTPResponse.Status.badRequest
        let message: String
    }

    /// What of a request its answer depends on.
    private struct Asked {
        let method: HTTPMethod
        let version: HTTPVersion
        let keepsAlive: Bool
    }

    private let ending: AnswerEnding
    /// Requests that were not answered yet, the oldest first.
    private var asked: [Asked] = []
    private var isBroken = false
    private var dropsBody = false

    init(_ ending: AnswerEnding) {
        self.ending = ending
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        if case .head(let head) = unwrapInboundIn(data) {
            if let violation = Self.violation(head) {
                isBroken = true
                context.fireErrorCaught(violation)
                return
            }
            // Whoever asks to change the protocol is answered in this one; what follows on the connection would not be parsed.
            let changes = head.method == .CONNECT || head.headers.contains(name: "upgrade")
            asked.append(Asked(method: head.method, version: head.version, keepsAlive: head.isKeepAlive && !changes))
        }
        context.fireChannelRead(data)
    }

    private static func violation(_ head: HTTPRequestHead) -> Violation? {
        let hosts = head.headers["host"].count
        let isOld = head.version.isOld
        if hosts > 1 || (hosts == 0 && !isOld) {
            return Violation(
                message: "the request has \(hosts == 0 ? "no Host header" : "\(hosts) Host headers"); HTTP/1.1 wants exactly one")
        }
        let codings = head.headers[canonicalForm: "transfer-encoding"]
        guard !codings.isEmpty else {
            if head.headers["content-length"].count > 1 { return Violation(message: "the request has several Content-Length headers") }
            return nil
        }
        if isOld { return Violation(message: "HTTP/1.0 has no Transfer-Encoding; send Content-Length") }
        if head.headers.contains(name: "content-length") {
            return Violation(message: "the request has both Transfer-Encoding and Content-Length; send one of them")
        }
        if codings.count != 1 || codings[0].lowercased() != "chunked" {
            return Violation(
                status: .notImplemented,
                message: "bodies with Transfer-Encoding \(codings.joined(separator: ", ").prefix(80)) are not read; send them chunked")
        }
        return nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = asked.first
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.status.code < 200:
            // HTTP/1.0 knows no interim answers.
            if let request, request.version.isOld {
                promise?.succeed()
            } else {
                context.write(data, promise: promise)
            }
        case .head(var head):
            frame(&head, for: request)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body where dropsBody:
            promise?.succeed()
        case .body:
            context.write(data, promise: promise)
        case .end:
            if !asked.isEmpty { asked.removeFirst() }
            // An end is the last chunk where the encoder thinks that there are chunks; an empty piece is nothing.
            context.write(dropsBody ? wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))) : data, promise: promise)
        }
    }

    private func frame(_ head: inout HTTPResponseHead, for request: Asked?) {
        let hasBody = head.status.mayHaveResponseBody
        dropsBody = !hasBody || request?.method == .HEAD
        let isOld = request?.version.isOld ?? false
        head.version = isOld ? .http1_0 : .http1_1
        let says = head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
        // Without a length, the end of an HTTP/1.0 answer is the end of the connection.
        let endless = isOld && hasBody && !dropsBody && !head.headers.contains(name: "content-length")
        ending.isAnnounced = ending.isWanted || says || endless || !(request?.keepsAlive ?? false)
        if ending.isAnnounced {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if isOld {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
    }
}

extension HTTPVersion {
    /// Has no chunks, no interim answers, and closes unless told otherwise. The parser lets nothing else before 1.1 pass.
    fileprivate var isOld: Bool { minor == 0 }
}
