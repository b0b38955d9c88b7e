import AdapterRegistry
import ArgumentParser
import Engine
import Foundation
import Logging
import Models
import Server
import TLS
import Tensors

/// `resa serve`: loads a model and answers the OpenAI API until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a model through the OpenAI API.",
        discussion: """
            Prints "resa: listening on http://HOST:PORT" (https with --tls-cert) once it takes requests. SIGTERM and SIGINT let answers in flight end first. \
            Adapters are chosen per request, see docs/api.md.
            """)

    @OptionGroup var source: ModelOptions
    @OptionGroup var compute: ComputeOptions

    @Option(help: "A folder of adapters, one folder each.")
    var adapters: String?

    @Flag(inversion: .prefixedNo, help: "Serve the adapters of the store too; a folder hides a stored adapter of its name.")
    var store = true

    @OptionGroup(title: "Adapters while serving")
    var residency: AdapterOptions

    @Option(help: "What requests call the model. (default: the name of its folder or file)")
    var name: String?

    @Option(help: "Address to listen on; 0.0.0.0 for all.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 picks a free one.")
    var port = 8080

    @Option(help: "Tokens a sequence may have, prompt and answer. (default: the model's own, at most 8192)")
    var context: Int?

    @Option(help: "Sequences computed at once.")
    var maxBatch = 16

    @Option(help: "Tokens computed in one step, of prompts and of the sequences that decode; those always get theirs.")
    var maxBatchedTokens = 256

    @Option(help: "Prompt tokens read in one step while other sequences decode: more reads prompts faster, less holds others up less.")
    var prefillChunk = 64

    @Option(help: "Tokens in the KV cache over all sequences. (default: --max-batch times --context, at most half of the free memory)")
    var kvTokens: Int?

    @Flag(
        inversion: .prefixedNo,
        help: "Keep what was computed for a prompt and its answer, for later requests that begin the same way.")
    var prefixCache = true

    @Option(
        help: ArgumentHelp(
            "Memory for what requests with different adapters share below the first layer that an adapter touches; 0 shares nothing.",
            valueName: "MiB"))
    var residualCache = 256

    @Option(
        name: .customLong("api-key"),
        help: "Ask for this key; may be repeated. RESA_API_KEY sets one that the process list does not show.")
    var apiKeys: [String] = []

    @OptionGroup(title: "TLS")
    var encryption: ServeTLSOptions

    @OptionGroup(title: "Limits")
    var limits: ServeLimits

    @Option(
        help: ArgumentHelp(
            "What may wait for standard error when it is slow or read by nobody; further lines are dropped and counted.", valueName: "bytes"
        ))
    var logBuffer = 1 << 20

    @Option(help: "trace, debug, info, notice, warning, error or critical; goes to standard error.")
    var logLevel = "info"

    func validate() throws {
        func check(_ valid: Bool, _ message: String) throws { if !valid { throw ValidationError(message) } }
        try check((0...65535).contains(port), "--port is \(port), but must be from 0 to 65535")
        try check((context ?? 1) >= 1, "--context is \(context ?? 0), but must be at least 1")
        try check((1...4096).contains(maxBatch), "--max-batch is \(maxBatch), but must be from 1 to 4096")
        try check((1...65536).contains(prefillChunk), "--prefill-chunk is \(prefillChunk), but must be from 1 to 65536")
        try check((1...65536).contains(maxBatchedTokens), "--max-batched-tokens is \(maxBatchedTokens), but must be from 1 to 65536")
        try check((kvTokens ?? 1) >= 1, "--kv-tokens is \(kvTokens ?? 0), but must be at least 1")
        try check((0...1 << 30).contains(residualCache), "--residual-cache is \(residualCache), but must be from 0 to \(1 << 30)")
        try check(Logger.Level(rawValue: logLevel) != nil, "--log-level is \(logLevel), which is no level")
        try check(!apiKeys.contains(""), "--api-key is empty")
        try check((4096...1 << 30).contains(logBuffer), "--log-buffer is \(logBuffer), but must be from 4096 to \(1 << 30)")
    }

    func run() async throws {
        // Until it has a meaning here, it is no reason to cut answers off.
        signal(SIGHUP, SIG_IGN)
        let log = Console.writeErrorsInBackground(limit: logBuffer)
        let settings = try serverSettings()
        if store { AdapterStore.standard().removeLeftovers() }
        let format = compute.weights
        let pool = compute.makePool()
        let folder = adapters.map { URL(fileURLWithPath: $0, isDirectory: true) }
        let (bundle, (registry, keeper, languageModel)) = try ModelBundle.open(path: source.model) { weights in
            // Before the weights, so that a wrong folder is told at once.
            let registry = try AdapterRegistry(
                folder: folder, store: store ? .standard() : nil, shape: weights.config.shape, format: format,
                adapterFormat: compute.adapterWeights, base: weights.projections, baseName: name ?? weights.name,
                settleSeconds: residency.settleSeconds)
            let keeper = try residency.keeper(of: registry, folder: folder)
            return (registry, keeper, try compute.load(weights, pool: pool))
        }
        let modelName = name ?? bundle.name
        let digest = try compute.digest(of: bundle.weights, pool: pool)

        let engine = Engine(
            model: languageModel, tokenizer: bundle.tokenizer, settings: engineSettings(bundle.config), pool: pool)
        let service = EngineService(
            name: modelName, fingerprint: "fp_\(digest.dropFirst("sha256:".count).prefix(16))_\(format.rawValue)", digest: digest,
            bundle: bundle, engine: engine, registry: registry, keeper: keeper)
        registry.limitMemory(residency.memoryBytes)
        let watch = residency.watch(registry)
        defer { watch?.cancel() }
        let server = Server(service: service, settings: settings, logger: makeLogger(log))
        let host = host
        try await server.run { port in
            let address = host.contains(":") ? "[\(host)]" : host
            Console.announce("resa: listening on \(settings.certificate == nil ? "http" : "https")://\(address):\(port)")
        }
        await engine.shutdown()
    }

    private func engineSettings(_ config: ModelConfig) -> EngineSettings {
        let context = min(context ?? 8192, config.contextLength)
        let affordable = MachineProbe.memoryAvailable / 2 / config.kvBytesPerToken(compute.kvFormat)
        var settings = EngineSettings(
            contextLength: context, kvTokens: kvTokens ?? max(context, min(maxBatch * context, affordable)))
        settings.maxBatch = maxBatch
        settings.kvFormat = compute.kvFormat
        settings.prefillChunk = prefillChunk
        settings.maxBatchedTokens = maxBatchedTokens
        settings.prefixCache = prefixCache
        settings.residualCacheBytes = residualCache << 20
        settings.queueLimit = limits.maxQueue
        settings.clientQueueLimit = limits.maxQueuePerClient
        return settings
    }

    private func serverSettings() throws(TLSError) -> ServerSettings {
        var settings = limits.settings
        settings.host = host
        settings.port = port
        settings.certificate = try encryption.certificate()
        settings.handshakeSeconds = encryption.tlsHandshakeTimeout
        settings.apiKeys = apiKeys
        if let key = ProcessInfo.processInfo.environment["RESA_API_KEY"], !key.isEmpty { settings.apiKeys.append(key) }
        return settings
    }

    private func makeLogger(_ writer: LogWriter) -> Logger {
        var logger = Logger(label: "resa") { StreamLogHandler(label: $0, stream: LogStream(writer: writer)) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
        return logger
    }
}

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
        let positive = [
            ("--max-queue", maxQueue), ("--max-queue-per-client", maxQueuePerClient ?? 1), ("--max-body", maxBody),
            ("--max-tokens", maxTokens ?? 1), ("--max-prompts", maxPrompts),
            ("--max-choices", maxChoices), ("--max-connections", maxConnections), ("--max-header", maxHeader),
            ("--idle-timeout", idleTimeout), ("--body-timeout", bodyTimeout), ("--max-messages", maxMessages),
            ("--write-timeout", writeTimeout), ("--request-memory", requestMemory), ("--max-text", maxText),
            ("--max-token-ids", maxTokenIds), ("--work-threads", workThreads),
        ]
        for (name, value) in positive where value < 1 || value > Int(Int32.max) {
            throw ValidationError("\(name) is \(value), but must be from 1 to \(Int32.max)")
        }
        let notNegative = [
            ("--max-logprobs", maxLogprobs), ("--max-stops", maxStops), ("--max-adapters", maxAdapters),
            ("--max-variants", maxVariants), ("--drain-timeout", drainTimeout), ("--retry-after", retryAfter),
            ("--max-retry-after", maxRetryAfter), ("--max-adapter-series", maxAdapterSeries), ("--max-discard", maxDiscard),
        ]
        for (name, value) in notNegative where value < 0 || value > Int(Int32.max) {
            throw ValidationError("\(name) is \(value), but must be from 0 to \(Int32.max)")
        }
    }

    var settings: ServerSettings {
        var settings = ServerSettings()
        settings.maxBodyBytes = maxBody
        settings.maxTokens = maxTokens
        settings.maxPrompts = maxPrompts
        settings.maxChoices = maxChoices
        settings.maxLogprobs = maxLogprobs
        settings.maxStopStrings = maxStops
        settings.maxMessages = maxMessages
        settings.maxAdapters = maxAdapters
        settings.maxVariants = maxVariants
        settings.maxConnections = maxConnections
        settings.maxHeaderBytes = maxHeader
        settings.idleSeconds = idleTimeout
        settings.bodySeconds = bodyTimeout
        settings.writeSeconds = writeTimeout
        settings.maxDiscardBytes = maxDiscard
        settings.requestMemoryBytes = requestMemory << 20
        settings.maxTextBytes = maxText
        settings.maxTokenIDs = maxTokenIds
        settings.workThreads = workThreads
        settings.drainSeconds = drainTimeout
        settings.retryAfterSeconds = retryAfter
        settings.maxRetryAfterSeconds = maxRetryAfter
        settings.allowedOrigins = corsOrigins
        settings.allowedHosts = allowedHosts
        settings.trustsUser = trustUser
        settings.maxAdapterSeries = maxAdapterSeries
        return settings
    }
}
