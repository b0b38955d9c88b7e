import ArgumentParser
import Server

/// Every limit of the server, as options of `resa serve`.
struct ServeLimits: ParsableArguments {
    private static let standard = ServerSettings()

    @Option(help: "Requests that may wait for a place; more get 429.")
    var maxQueue = 256

    @Option(help: "Requests of one client that may wait; more get 429. (default: --max-queue)")
    var maxQueuePerClient: Int?

    @Option(help: "Bytes of a request body; more get 413.")
    var maxBody = standard.maxBodyBytes

    @Option(help: "Tokens that one choice may ask for. (default: the context)")
    var maxTokens: Int?

    @Option(help: "Prompts in one completion request.")
    var maxPrompts = standard.maxPrompts

    @Option(help: "Prompts times n in one request.")
    var maxChoices = standard.maxChoices

    @Option(help: "Log-probabilities per token.")
    var maxLogprobs = standard.maxLogprobs

    @Option(help: "Stop strings in one request.")
    var maxStops = standard.maxStopStrings

    @Option(help: "Messages in one chat.")
    var maxMessages = standard.maxMessages

    @Option(help: "Adapters in one request.")
    var maxAdapters = standard.maxAdapters

    @Option(help: "Variants in one comparison.")
    var maxVariants = standard.maxVariants

    @Option(help: "Adapters that /metrics counts one by one; more are counted together.")
    var maxAdapterSeries = standard.maxAdapterSeries

    @Option(help: "Connections at once; beyond them those that only stand idle or send slowly make room.")
    var maxConnections = standard.maxConnections

    @Option(help: "Bytes of all header lines of a request.")
    var maxHeader = standard.maxHeaderBytes

    @Option(help: "Seconds a connection may stand idle, or take to send its header lines.")
    var idleTimeout = standard.idleSeconds

    @Option(help: "Seconds a request body may take to arrive.")
    var bodyTimeout = standard.bodySeconds

    @Option(help: "Seconds in which a client must take some byte of its answer; then its connection closes and what it asked for ends.")
    var writeTimeout = standard.writeSeconds

    @Option(help: "Bytes still read of a request that was answered before its body had come; then its connection closes.")
    var maxDiscard = standard.maxDiscardBytes

    @Option(
        help: ArgumentHelp(
            "Memory for all requests under way: bodies, what is made of them, reports, answers. More get 429, one that needs more than all 413.",
            valueName: "MiB"))
    var requestMemory = standard.requestMemoryBytes >> 20

    @Option(help: "Bytes of one text that is made into tokens.")
    var maxText = standard.maxTextBytes

    @Option(help: "Token ids in one list.")
    var maxTokenIds = standard.maxTokenIDs

    @Option(help: "Threads for long bodies and answers, so that short ones need not wait; as many again for those of middling length.")
    var workThreads = standard.workThreads

    @Option(help: "Seconds that answers in flight get to end when the server stops.")
    var drainTimeout = standard.drainSeconds

    @Option(help: "The least seconds that Retry-After names when the queue is full; more when the queue should take longer.")
    var retryAfter = standard.retryAfterSeconds

    @Option(help: "The most seconds that Retry-After names.")
    var maxRetryAfter = standard.maxRetryAfterSeconds

    @Option(name: .customLong("cors-origin"), help: "Let pages of this origin use the server from a browser; * for all. May be repeated.")
    var corsOrigins: [String] = []

    @Option(
        name: .customLong("allowed-host"),
        help: ArgumentHelp(
            "Answer requests for this host name; * for any. May be repeated. (default: none but this machine's own on a loopback address, else any)",
            valueName: "name"))
    var allowedHosts: [String] = []

    @Flag(help: "The field user of requests tells clients apart, for servers behind a gateway that sends it; else keys and addresses do.")
    var trustUser = false

    func validate() throws {
        let most = Int(Int32.max)
        try Limits.check([
            ("--max-queue", maxQueue, 1...most), ("--max-queue-per-client", maxQueuePerClient, 1...most), ("--max-body", maxBody, 1...most),
            ("--max-tokens", maxTokens, 1...most), ("--max-prompts", maxPrompts, 1...most), ("--max-choices", maxChoices, 1...most),
            ("--max-connections", maxConnections, 1...most), ("--max-header", maxHeader, 1...most),
            ("--idle-timeout", idleTimeout, 1...most), ("--body-timeout", bodyTimeout, 1...most),
            ("--max-messages", maxMessages, 1...most), ("--write-timeout", writeTimeout, 1...most),
            ("--request-memory", requestMemory, 1...most), ("--max-text", maxText, 1...most), ("--max-token-ids", maxTokenIds, 1...most),
            ("--work-threads", workThreads, 1...most), ("--max-logprobs", maxLogprobs, 0...most), ("--max-stops", maxStops, 0...most),
            ("--max-adapters", maxAdapters, 0...most), ("--max-variants", maxVariants, 0...most),
            ("--drain-timeout", drainTimeout, 0...most), ("--retry-after", retryAfter, 0...most),
            ("--max-retry-after", maxRetryAfter, 0...most), ("--max-adapter-series", maxAdapterSeries, 0...most),
            ("--max-discard", maxDiscard, 0...most),
        ])
    }

    var settings: ServerSettings {
        var settings = ServerSettings()
        (settings.maxBodyBytes, settings.maxTokens, settings.maxPrompts) = (maxBody, maxTokens, maxPrompts)
        (settings.maxChoices, settings.maxLogprobs, settings.maxStopStrings) = (maxChoices, maxLogprobs, maxStops)
        (settings.maxMessages, settings.maxAdapters, settings.maxVariants) = (maxMessages, maxAdapters, maxVariants)
        (settings.maxConnections, settings.maxHeaderBytes, settings.idleSeconds) = (maxConnections, maxHeader, idleTimeout)
        (settings.bodySeconds, settings.writeSeconds, settings.maxDiscardBytes) = (bodyTimeout, writeTimeout, maxDiscard)
        (settings.requestMemoryBytes, settings.maxTextBytes, settings.maxTokenIDs) = (requestMemory << 20, maxText, maxTokenIds)
        (settings.workThreads, settings.drainSeconds, settings.retryAfterSeconds) = (workThreads, drainTimeout, retryAfter)
        (settings.maxRetryAfterSeconds, settings.allowedOrigins, settings.allowedHosts) = (maxRetryAfter, corsOrigins, allowedHosts)
        (settings.trustsUser, settings.maxAdapterSeries) = (trustUser, maxAdapterSeries)
        return settings
    }
}
