/// Counts the tries of one thing, and waits between them.
struct Retries {
    let settings: PullSettings
    let control: PullControl
    private var failures = 0

    init(settings: PullSettings, control: PullControl) { (self.settings, self.control) = (settings, control) }

    /// Waits until the next try.
    /// - Parameter gained: whether the last try brought so much that the count starts again.
    /// - Throws: the failure's error when another try cannot help or was one too many; `.cancelled`.
    mutating func wait(after failure: AttemptFailure, gained: Bool = false) throws(PullError) {
        guard failure.isTransient else { throw failure.error }
        failures = gained ? 1 : failures + 1
        guard failures <= settings.retries else { throw failure.error }
        let jittered = settings.wait(before: failures, random: Double.random(in: 0..<1))
        do throws(AttemptFailure) {
            try control.wait(seconds: max(jittered, Double(failure.retryAfter ?? 0)))
        } catch { throw error.error }
    }
}

/// One try that failed, and whether another one may help.
struct AttemptFailure: Error {
    let error: PullError
    var isTransient = false
    /// Seconds, from a `Retry-After` header.
    var retryAfter: Int?

    static func final(_ error: PullError) -> AttemptFailure { AttemptFailure(error: error) }
    static func transient(_ error: PullError) -> AttemptFailure { AttemptFailure(error: error, isTransient: true) }
}
