/// What is asked of a server.
package struct CurlRequest: Sendable {
    package var method: String
    package var url: String
    /// Names and values.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]?
    /// For all of it, from the wait for a connection to the last byte of the answer.
    package var timeout: Duration

    package init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil, timeout: Duration
    ) {
        (self.method, self.url, self.headers, self.body, self.timeout) = (method, url, headers, body, timeout)
    }
}

/// Hears an answer as it arrives, on the client's thread, which it must not hold up. Nothing is called after `end`.
package protocol CurlReceiver: AnyObject, Sendable {
    /// Called once, when all header lines are there.
    func begin(_ head: ResponseHead)
    /// - Returns: whether more is wanted.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool
    /// The whole answer is there.
    func end()
}

/// Why there is no whole answer.
package struct CurlFailure: Error, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// The request's time was up.
        case timeout
        /// No connection, or one that broke.
        case connection
        /// The task was cancelled, or the client shut down.
        case cancelled
        /// The receiver wanted no more.
        case refused
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}
