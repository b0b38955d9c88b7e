/// One try that failed, and whether another one may help.
struct AttemptFailure: Error {
    let error: PullError
    var isTransient = false
    /// Seconds, from a `Retry-After` header.
    var retryAfter: Int?

    static func final(_ error: PullError) -> AttemptFailure { AttemptFailure(error: error) }
    static func transient(_ error: PullError) -> AttemptFailure { AttemptFailure(error: error, isTransient: true) }
}
