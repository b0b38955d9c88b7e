import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// One HTTP request under way. It runs on the connection's event loop, so that a piece of text gets its time where it is read from the
/// socket, with no hop to another thread.
final class Exchange: HTTPClientResponseDelegate {
    typealias Response = Result<Answer, RequestFailure>

    private let reader = Mutex(AnswerReader())
    private let live: LiveCounters

    init(live: LiveCounters) { self.live = live }

    /// Pieces of text so far.
    var pieces: Int { reader.withLock { $0.pieces } }

    func didReceiveHead(task: HTTPClient.Task<Response>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        reader.withLock {
            $0.begin(
                status: Int(head.status.code), contentType: head.headers.first(name: "content-type"),
                retryAfter: head.headers.first(name: "retry-after"))
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Response>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let now = NIODeadline.now()
        let pieces = reader.withLock { reader in
            let before = reader.pieces
            buffer.withUnsafeReadableBytes { reader.receive($0, at: now) }
            return reader.pieces - before
        }
        live.countPieces(pieces)
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Response>) throws -> Response {
        let now = NIODeadline.now()
        return reader.withLock { $0.finish(at: now) }
    }

    /// What the client library's error means.
    func failure(for error: any Error) -> RequestFailure {
        let hasBegun = reader.withLock { $0.hasBegun }
        switch error as? HTTPClientError {
        case .deadlineExceeded, .readTimeout: return RequestFailure(.timeout, "no whole answer in time")
        case .connectTimeout: return RequestFailure(.connection, "no connection in time")
        case .remoteConnectionClosed: return RequestFailure(hasBegun ? .truncated : .connection, "the server closed the connection")
        default: return RequestFailure(hasBegun ? .truncated : .connection, ConnectionError.text(error))
        }
    }
}

/// Network errors in words.
enum ConnectionError {
    static func text(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { text($0.error) } ?? "the host '\(error.host)' has no address"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        default: "\(error)"
        }
    }
}

/// Counters that the display reads while requests run.
package final class LiveCounters: Sendable {
    private let textPieces = Atomic(0)
    private let running = Atomic(0)

    package init() {}

    package var pieces: Int { textPieces.load(ordering: .relaxed) }
    package var inFlight: Int { running.load(ordering: .relaxed) }

    func countPieces(_ count: Int) { textPieces.wrappingAdd(count, ordering: .relaxed) }
    func countRunning(_ change: Int) { running.wrappingAdd(change, ordering: .relaxed) }
}
