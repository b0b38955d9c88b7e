import AdapterRegistry
import ArgumentParser
import LoadTest

/// When requests are sent, and how many.
struct BenchLoadOptions: ParsableArguments {
    enum Arrivals: String, ExpressibleByArgument, CaseIterable { case poisson, constant }

    @Option(help: "Closed loop: so many clients, each of which sends its next request when its last one ended. (default: 1)")
    var clients: Int?

    @Option(help: "Open loop: so many requests a second, whether or not the server keeps up.")
    var rate: Double?

    @Option(help: "How an open loop's requests are spread over time: poisson or constant.")
    var arrivals = Arrivals.poisson

    @Option(help: "Requests of an open loop that may be under way at once; those due beyond wait. (default: any number)")
    var maxInFlight: Int?

    @Option(help: "Send so many requests. (default: 100, without --duration any number)")
    var requests: Int?

    @Option(help: "Send no new request after this time; answers under way are waited for.")
    var duration: TimeArgument?

    @Option(help: "Requests sent and answered before measuring begins; not part of the report.")
    var warmup = 0

    @Option(help: "Give up when so many requests fail in a row; 0 for never.")
    var giveUp = 100

    @Option(help: "Seed of prompts, arrivals, the choice of adapters, and sampling.")
    var seed: UInt64 = 0

    func apply(to scenario: inout Scenario) throws(LoadTestError) {
        guard clients == nil || rate == nil else {
            throw .invalidSetting("--clients (closed loop) and --rate (open loop) exclude each other")
        }
        guard rate != nil || maxInFlight == nil else {
            throw .invalidSetting("--max-in-flight goes with --rate; a closed loop has its --clients")
        }
        guard rate != nil || arrivals == .poisson else { throw .invalidSetting("--arrivals goes with --rate") }
        if let rate {
            scenario.arrivals = arrivals == .poisson ? .poisson(rate: rate) : .constant(rate: rate)
        } else {
            scenario.arrivals = .closed(clients: clients ?? 1)
        }
        scenario.maxInFlight = maxInFlight
        scenario.maxRequests = requests ?? (duration == nil ? 100 : nil)
        scenario.maxDuration = duration?.amount
        scenario.warmupRequests = warmup
        scenario.failuresInARow = giveUp
        scenario.seed = seed
    }
}

/// What is asked.
struct BenchRequestOptions: ParsableArguments {
    @Option(help: "Ask this text every time.")
    var prompt: String?

    @Option(
        help: "Ask so many random tokens, other ones every time. Exact when the server has /tokenize, else counted in words. (default: 128)"
    )
    var promptTokens: Int?

    @Option(help: "Ask the rows of this JSONL file in turn: messages, question, problem, prompt or text.")
    var data: String?

    @Option(help: "Put so many shared tokens in front of every prompt, to try the prefix cache.")
    var prefixTokens = 0

    @Option(help: "How many different shared prefixes there are; each request draws one.")
    var prefixes = 1

    @Option(help: "Tokens an answer may have.")
    var maxTokens = 128

    @Option(help: "Temperature of sampling; 0 is greedy.")
    var temperature = 0.0

    @Flag(help: "Let every answer run to --max-tokens, so that runs are comparable (ignore_eos; resa, vLLM and llama.cpp know it).")
    var ignoreEos = false

    @Flag(inversion: .prefixedNo, help: "Stream answers; without, only end-to-end latency can be told.")
    var stream = true

    @Option(
        help: ArgumentHelp(
            "Ask for this adapter, with this weight; may be repeated for a mix. The name is a value of the header Resa-Adapters such as 'a;scale=0.5', or none.",
            valueName: "name=weight"))
    var adapter: [String] = []

    @Option(help: "How a request names its adapter: header (Resa-Adapters) or model.")
    var adapterAs = AdapterMix.Carrier.header

    @Option(help: "Give a request this time, from sending it to the end of its answer.")
    var timeout = TimeArgument(argument: "10m")!

    @Option(help: "Try so many times again after a 429, when its Retry-After has passed.")
    var retries = 0

    @Option(help: "Wait at most this long before trying again, whatever Retry-After says.")
    var maxRetryWait = TimeArgument(argument: "60s")!

    var writtenPrompts: PromptSource { prompt.map { .text($0) } ?? .generated(tokens: promptTokens ?? 128) }

    func validate() throws {
        let given = [("--prompt", prompt != nil), ("--prompt-tokens", promptTokens != nil), ("--data", data != nil)].filter(\.1).map(\.0)
        if given.count > 1 { throw ValidationError("\(given.joined(separator: " and ")) exclude each other") }
        try CompanionOptions.check(prefixTokens > 0, "--prefix-tokens", [("--prefixes", prefixes != 1)])
        try CompanionOptions.check(!adapter.isEmpty, "--adapter", [("--adapter-as", adapterAs != .header)])
        try CompanionOptions.check(retries > 0, "--retries", [("--max-retry-wait", maxRetryWait.amount != .seconds(60))])
        if prompt == "" { throw ValidationError("--prompt is empty") }
        if let promptTokens, promptTokens < 1 { throw ValidationError("--prompt-tokens is \(promptTokens), but must be at least 1") }
    }

    func apply(to scenario: inout Scenario) throws(LoadTestError) {
        scenario.prefixTokens = prefixTokens
        scenario.prefixes = prefixes
        scenario.maxTokens = maxTokens
        scenario.temperature = temperature
        scenario.ignoresEndOfText = ignoreEos
        scenario.streams = stream
        let entries = try adapter.map { text throws(LoadTestError) in try AdapterMix.Entry(parsing: text) }
        for case let header? in entries.map(\.adapter) where adapterAs == .header { try Self.check(header) }
        scenario.adapters = AdapterMix(entries, carrier: adapterAs)
        scenario.timeout = timeout.amount
        scenario.retries = retries
        scenario.maxRetryWait = maxRetryWait.amount
    }
}

extension BenchRequestOptions {
    /// What the server would refuse with every request.
    private static func check(_ header: String) throws(LoadTestError) {
        var list = SelectionList()
        do { try list.add(text: header) } catch { throw .invalidSetting("the adapter '\(header)': \(error)") }
    }
}

extension AdapterMix.Carrier: ExpressibleByArgument {}
