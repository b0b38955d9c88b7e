import Foundation

/// Sends requests by HTTP/1.1 over connections that stay open, as many at once as there are callers. One thread reads all answers; it
/// follows no redirect, uses no proxy and sends nothing twice that has a body.
package final class CurlClient: Sendable {
    private let loop: CurlLoop

    /// - Parameters:
    ///   - connections: how many may be open at once; further requests wait for one.
    ///   - authorities: a PEM file of the certificate authorities to trust; nil for the system's.
    package init(connections: Int, authorities: String? = nil) {
        loop = CurlLoop(connections: connections, authorities: authorities)
        Thread.detachNewThread { [loop] in loop.run() }
    }

    deinit { loop.close(nil) }

    /// Returns when the whole answer was handed to `receiver`. Ends soon after the task is cancelled.
    /// - Returns: how many connections had to be opened for it.
    /// - Throws: what kept the answer from arriving whole.
    @discardableResult
    package func send(_ request: CurlRequest, to receiver: any CurlReceiver) async throws(CurlFailure) -> Int {
        let transfer = CurlTransfer(request, receiver)
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.continuation = continuation
                loop.start(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        if let failure { throw failure }
        return transfer.connectionsOpened
    }

    /// An answer kept whole.
    package struct Response: Sendable {
        package let head: ResponseHead
        package let body: [UInt8]
        /// How many connections had to be opened for it.
        package let connectionsOpened: Int
    }

    /// - Parameter limit: most bytes of the body.
    /// - Throws: what kept the answer from arriving whole; `.refused` when it is longer than `limit`.
    package func fetch(_ request: CurlRequest, limit: Int = 64 << 20) async throws(CurlFailure) -> Response {
        let collector = BodyCollector(limit: limit)
        return collector.response(connectionsOpened: try await send(request, to: collector))
    }

    /// Ends what is under way and closes all connections.
    package func shutdown() async {
        await withCheckedContinuation { continuation in loop.close(continuation) }
    }
}

/// Keeps an answer.
private final class BodyCollector: CurlReceiver, @unchecked Sendable {
    // Written on the client's thread until `send` returns, read after that.
    private var head = ResponseHead()
    private var body: [UInt8] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func begin(_ head: ResponseHead) { self.head = head }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= limit else { return false }
        body.append(contentsOf: bytes)
        return true
    }

    func end() {}

    func response(connectionsOpened: Int) -> CurlClient.Response {
        CurlClient.Response(head: head, body: body, connectionsOpened: connectionsOpened)
    }
}
