import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Synchronization

/// Takes a request in, body and all, within the limits on size, time and memory, and runs its route where that holds nobody up.
struct RequestIntake: Sendable {
    let endpoint: Endpoint
    let state: ServerState

    func respond(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        var context = context
        let share = state.memory.open()
        context.share = share
        // Whoever needs no key gets nothing read.
        guard endpoint.method == .post, !endpoint.isOpen else {
            return HeldResponse.hold(try await endpoint.respond(request, context, state), share)
        }
        let body = try await receive(request, context, share)
        let size = body.readableBytes
        try share.grow(by: try await state.lanes.run(size) { body.withUnsafeReadableBytes(MemoryCost.parsing) })
        var whole = request
        whole.body = RequestBody(asyncSequence: CollectedBody(body))
        let (received, known) = (whole, context)
        let response = try await state.lanes.run(size) { try await endpoint.respond(received, known, state) }
        return HeldResponse.hold(response, share)
    }

    /// - Throws: 400 when the body is cut short or badly framed, 413 when it is too large, 408 when it does not arrive in time, 429 when
    ///   there is no memory for it, 499 when the client leaves.
    private func receive(_ request: Request, _ context: ServerRequestContext, _ share: RequestShare) async throws -> ByteBuffer {
        let limit = state.settings.maxBodyBytes
        if let length = request.headers[.contentLength], (Int(length) ?? .max) > limit { throw APIError.bodyTooLarge(limit: limit) }
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw APIError.unsupported(
                "Content-Encoding", "bodies with Content-Encoding \(encoding.prefix(40)) are not read; send them plain")
        }
        if request.head.expectsContinue {
            context.channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
        }
        var body = ByteBuffer()
        do {
            for try await part in request.body {
                guard body.readableBytes + part.readableBytes <= limit else { throw APIError.bodyTooLarge(limit: limit) }
                try share.grow(by: part.readableBytes)
                body.writeImmutableBuffer(part)
            }
        } catch var error as APIError {
            error.closesConnection = true
            throw error
        } catch is ConnectionGuard.BodyTimeout {
            throw APIError(
                status: .requestTimeout, message: "the body did not arrive within \(state.settings.bodySeconds) seconds",
                code: "body_timeout", closesConnection: true)
        } catch HTTPParserError.invalidEOFState {
            throw APIError(
                status: .badRequest, message: "the body ends early: the client stopped sending", code: "incomplete_body",
                closesConnection: true)
        } catch let error as HTTPParserError {
            throw APIError.malformed(error)
        } catch {
            throw APIError.clientLeft
        }
        return body
    }
}

/// A body that has arrived, given out once, so that it can go when it was read.
private struct CollectedBody: AsyncSequence, Sendable {
    fileprivate final class Box: Sendable {
        let body: Mutex<ByteBuffer?>

        init(_ body: ByteBuffer) { self.body = Mutex(body) }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let box: Box

        func next() async -> ByteBuffer? {
            box.body.withLock { body in
                defer { body = nil }
                return body
            }
        }
    }

    private let box: Box

    init(_ body: ByteBuffer) { box = Box(body) }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(box: box) }
}
