/// How a pull behaves. The defaults suit a person at a terminal.
package struct PullSettings: Sendable {
    /// Files fetched at the same time.
    package var parallelFiles = 4
    /// Tries after the first one, of each file, that bring nothing new; a try that brought at least `progressBytes` starts the count again.
    package var retries = 5
    package var progressBytes = 1 << 20
    /// Seconds before the first retry; doubled for each further one up to `longestWait`, then cut by up to a half at random.
    package var firstWait = 0.5
    package var longestWait = 30.0
    /// Most seconds of a `Retry-After` that is waited for.
    package var longestRetryAfter = 300
    /// A connection that stays below this many bytes a second for this many whole seconds has stalled.
    package var stallBytesPerSecond = 1000
    package var stallSeconds = 30
    package var connectSeconds = 20.0
    package var redirects = 8
    /// Bytes of one file, and of all files of a pull.
    package var fileLimit = 1_000_000_000_000
    package var totalLimit = 2_000_000_000_000
    /// Files of a pull.
    package var countLimit = 10_000
    package var policy = PullPolicy.unrestricted
    package var isOffline = false

    package init() {}

    /// Seconds to wait before retry `number` (from 1).
    /// - Parameter random: uniform in 0..<1.
    func wait(before number: Int, random: Double) -> Double {
        let full = min(longestWait, firstWait * Double(1 << min(max(number - 1, 0), 30)))
        return full * (1 - random / 2)
    }
}
