import Synchronization

/// The memory that all requests under way may take together: their bodies as they arrive, what is parsed of them, reports and answers.
///
/// What a request takes is estimated where it cannot be counted; estimates are on the large side.
final class RequestMemory: Sendable {
    let limit: Int
    private let retrySeconds: Int
    private let used = Mutex(0)

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - retrySeconds: what those who find no memory are told to wait.
    init(limit: Int, retrySeconds: Int) {
        self.limit = limit
        self.retrySeconds = retrySeconds
    }

    var usedBytes: Int { used.withLock { $0 } }

    func open() -> RequestShare { RequestShare(of: self) }

    /// - Returns: whether there was room.
    fileprivate func take(_ bytes: Int) -> Bool {
        used.withLock { used in
            guard bytes <= limit - used else { return false }
            used += bytes
            return true
        }
    }

    fileprivate func move(by bytes: Int) {
        used.withLock { $0 += bytes }
    }

    fileprivate func refusal(of bytes: Int) -> APIError {
        let needed = (bytes >> 20) + 1
        if bytes > limit {
            return APIError(
                status: .contentTooLarge,
                message: "this request would take about \(needed) MiB of memory, but all requests together may take \(limit >> 20); "
                    + "ask for less text, fewer choices, tokens, log-probabilities or latents, or start the server with a larger "
                    + "--request-memory",
                code: "request_too_large")
        }
        return APIError(
            status: .tooManyRequests, message: "other requests take the memory that this one needs (about \(needed) MiB); try again later",
            type: "rate_limit_error", code: "memory_full", retryAfter: retrySeconds)
    }
}

/// What one request takes of the memory for all. Given back when nobody holds it any more, however the request ended.
final class RequestShare: Sendable {
    private let memory: RequestMemory
    private let bytes = Mutex(0)

    fileprivate init(of memory: RequestMemory) {
        self.memory = memory
    }

    deinit { memory.move(by: -bytes.withLock { $0 }) }

    /// - Throws: 413 when the request alone takes more than there is, 429 when others have taken it.
    func grow(by more: Int) throws(APIError) {
        guard !tryGrow(by: more) else { return }
        throw memory.refusal(of: bytes.withLock { $0 } + more)
    }

    func tryGrow(by more: Int) -> Bool {
        bytes.withLock { bytes in
            guard memory.take(more) else { return false }
            bytes += more
            return true
        }
    }

    /// Takes this much from now on, instead of what it took before.
    /// - Throws: as `grow`; the share is unchanged then.
    func resize(to size: Int) throws(APIError) {
        let fits = bytes.withLock { bytes in
            guard memory.take(size - bytes) else { return false }
            bytes = size
            return true
        }
        if !fits { throw memory.refusal(of: size) }
    }

    /// The same for what is already there, and so cannot be refused.
    func settle(at size: Int) {
        bytes.withLock { bytes in
            memory.move(by: size - bytes)
            bytes = size
        }
    }

    func shrink(by less: Int) {
        bytes.withLock { bytes in
            memory.move(by: -less)
            bytes -= less
        }
    }
}
