import AdapterRegistry
import ArgumentParser
import Engine
import Foundation
import Logging
import Server
import TLS
import Terminal
import Workbench

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
        try Limits.check([("--port", port, 0...65535), ("--max-batch", maxBatch, 1...4096)])
        try Limits.check([("--context", context, 1...), ("--kv-tokens", kvTokens, 1...)])
        try Limits.check([
            ("--prefill-chunk", prefillChunk, 1...65536), ("--max-batched-tokens", maxBatchedTokens, 1...65536),
            ("--residual-cache", residualCache, 0...1 << 30), ("--log-buffer", logBuffer, 4096...1 << 30),
        ])
        guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("--log-level is \(logLevel), which is no level") }
        if apiKeys.contains("") { throw ValidationError("--api-key is empty") }
    }

    func run() async throws {
        // Until it has a meaning here, it is no reason to cut answers off.
        signal(SIGHUP, SIG_IGN)
        let log = Console.writeErrorsInBackground(limit: logBuffer)
        let settings = try serverSettings()
        if store { AdapterStore.standard().removeLeftovers() }
        let computing = compute.settings(serving: context ?? 8192)
        let (bench, (registry, keeper)) = try Workbench.load(model: source.model, computing, watcher: TerminalWatcher()) { weights in
            // Before the weights, so that a wrong folder is told at once.
            let registry = try computing.registry(
                for: weights, folder: adapters, store: store ? .standard() : nil, baseName: name ?? weights.name,
                settleSeconds: residency.settleSeconds)
            return (registry, try residency.keeper(of: registry, folder: adapters))
        }
        let digest = try bench.digest()
        let engine = try bench.engine(engineSettings(bench))
        let service = EngineService(
            name: name ?? bench.bundle.name, fingerprint: bench.fingerprint(of: digest), digest: digest, bundle: bench.bundle,
            engine: engine, registry: registry, keeper: keeper)
        registry.limitMemory(residency.memoryBytes)
        let watch = residency.watch(registry)
        defer { watch?.cancel() }
        let server = Server(service: service, settings: settings, logger: makeLogger(log))
        let address = host.contains(":") ? "[\(host)]" : host
        try await server.run { port in
            Console.announce("resa: listening on \(settings.certificate == nil ? "http" : "https")://\(address):\(port)")
        }
        await engine.shutdown()
    }

    private func engineSettings(_ bench: Workbench) -> EngineSettings {
        var settings = bench.engineSettings(
            context: min(context ?? 8192, bench.bundle.config.contextLength), batch: maxBatch, kvTokens: kvTokens)
        (settings.prefillChunk, settings.maxBatchedTokens, settings.prefixCache) = (prefillChunk, maxBatchedTokens, prefixCache)
        (settings.residualCacheBytes, settings.queueLimit) = (residualCache << 20, limits.maxQueue)
        settings.clientQueueLimit = limits.maxQueuePerClient
        return settings
    }

    private func serverSettings() throws(TLSError) -> ServerSettings {
        var settings = limits.settings
        (settings.host, settings.port, settings.apiKeys) = (host, port, apiKeys)
        (settings.certificate, settings.handshakeSeconds) = (try encryption.certificate(), encryption.tlsHandshakeTimeout)
        if let key = ProcessInfo.processInfo.environment["RESA_API_KEY"], !key.isEmpty { settings.apiKeys.append(key) }
        return settings
    }

    private func makeLogger(_ writer: LogWriter) -> Logger {
        var logger = Logger(label: "resa") { StreamLogHandler(label: $0, stream: LogStream(writer: writer)) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
        return logger
    }
}
