import TLS

/// Everything about the server that can be set, with the values it has when nothing is said.
package struct ServerSettings: Sendable {
    package var host = "127.0.0.1"
    /// 0 lets the system pick a free one.
    package var port = 8080
    /// What clients are greeted with; nil serves in clear.
    package var certificate: ServerCertificate?
    /// Seconds that the greeting of TLS may take.
    package var handshakeSeconds = 10
    /// Requests must carry one of these; empty lets everybody in.
    package var apiKeys: [String] = []
    /// Origins whose pages may use the server from a browser, or `*` for all.
    package var allowedOrigins: [String] = []
    /// Names that `Host` may hold besides those that mean this machine, or `*` for any. Empty allows any where others can reach the server.
    package var allowedHosts: [String] = []
    /// The field `user` tells clients apart: those who send it are trusted, as a gateway is.
    package var trustsUser = false

    /// Bytes of a request body.
    package var maxBodyBytes = 16 << 20
    /// Connections at once. Beyond them one that only stands idle or sends slowly makes room for the next.
    package var maxConnections = 1024
    /// Bytes of all header lines of a request.
    package var maxHeaderBytes = 64 << 10
    /// Header lines of a request.
    package var maxHeaderFields = 200
    /// Bytes that are still read of a request which was answered before its body had come.
    package var maxDiscardBytes = 1 << 20
    /// Bytes that all requests under way may take together: bodies, what is made of them, reports, answers.
    package var requestMemoryBytes = 1 << 30
    /// Threads for each lane of work that takes long.
    package var workThreads = 2
    /// Seconds a connection may stand idle, or take to send its header lines.
    package var idleSeconds = 60
    /// Seconds a request body may take to arrive.
    package var bodySeconds = 30
    /// Seconds in which a client must take some byte of what is written to it.
    package var writeSeconds = 60
    /// Seconds that requests in flight get to end when the server shuts down.
    package var drainSeconds = 30
    /// The least seconds named by `Retry-After` when the queue is full, and what is named while nothing is known.
    package var retryAfterSeconds = 1
    /// The most seconds named by `Retry-After`.
    package var maxRetryAfterSeconds = 60

    /// Bytes of one text that becomes tokens.
    package var maxTextBytes = 4 << 20
    /// Token ids in one list.
    package var maxTokenIDs = 1 << 20
    /// Prompts in one completion request.
    package var maxPrompts = 256
    /// Prompts times `n` in one request.
    package var maxChoices = 256
    /// Tokens that one choice may ask for; nil leaves it to the context.
    package var maxTokens: Int?
    /// Tokens a completion gets when it does not ask, as in OpenAI's API. A chat answer may fill the context.
    package var defaultCompletionTokens = 16
    /// Log-probabilities per token.
    package var maxLogprobs = 20
    package var maxStopStrings = 16
    package var maxStopBytes = 1024
    package var maxMessages = 4096
    package var maxAdapters = 16
    /// Variants in one comparison.
    package var maxVariants = 16
    /// Adapters that `/metrics` counts one by one.
    package var maxAdapterSeries = 1000

    package init() {}

    /// What `Retry-After` says when the queue should take `waitSeconds` to be served.
    func retryAfter(waitSeconds: Double) -> Int {
        guard waitSeconds.isFinite, waitSeconds < Double(maxRetryAfterSeconds) else { return max(maxRetryAfterSeconds, retryAfterSeconds) }
        return max(Int(waitSeconds.rounded(.up)), retryAfterSeconds)
    }
}
