// LoadTest: the benchmark client: scenarios, arrival processes, latency histograms, reports.
// It speaks OpenAI's API over HTTP to any server and knows nothing of this package's own server or engine.

/// Everything a load test does: what is asked, of whom, when and how often.
package struct Scenario: Sendable {
    package enum Endpoint: String, Sendable, CaseIterable {
        case chat, completions

        var path: String { self == .chat ? "/v1/chat/completions" : "/v1/completions" }
    }

    /// Address of the server; a trailing `/v1` is the same as none.
    package var url: String
    package var endpoint = Endpoint.chat
    /// Sent as bearer token.
    package var apiKey: String?
    /// A PEM file of the certificate authorities to trust with https; nil for the system's.
    package var authorities: String?
    /// nil takes the first one the server lists.
    package var model: String?

    package var arrivals = ArrivalProcess.closed(clients: 1)
    /// Requests of an open loop that may be under way at once; those due beyond wait, and their latency counts from when they were due.
    package var maxInFlight: Int?
    /// The run ends after so many requests, or when no new one may be sent any more; answers under way are waited for.
    package var maxRequests: Int?
    package var maxDuration: Duration?
    /// Requests that are sent, and answered, before measuring begins.
    package var warmupRequests = 0
    /// Requests in a row that may fail before the test gives up; 0 for any number.
    package var failuresInARow = 100

    package var prompts = PromptSource.generated(tokens: 128)
    /// Length of a prefix that prompts share; 0 for none.
    package var prefixTokens = 0
    package var prefixes = 1
    package var adapters = AdapterMix()

    package var maxTokens = 128
    package var temperature = 0.0
    /// Asks the server to go on to `maxTokens` whatever the model says; servers beyond resa, vLLM and llama.cpp may not know it.
    package var ignoresEndOfText = false
    package var streams = true
    package var seed: UInt64 = 0

    /// For one attempt at a request, from sending it to the end of its answer.
    package var timeout = Duration.seconds(600)
    /// Attempts after a 429.
    package var retries = 0
    /// The longest wait before another attempt, whatever `Retry-After` says.
    package var maxRetryWait = Duration.seconds(60)

    package var objectives: [Objective] = []

    package init(url: String) { self.url = url }

    /// - Throws: `LoadTestError.invalidSetting` for the first setting that makes no sense.
    package func validate() throws(LoadTestError) {
        func check(_ valid: Bool, _ message: @autoclosure () -> String) throws(LoadTestError) {
            if !valid { throw .invalidSetting(message()) }
        }
        switch arrivals {
        case .closed(let clients): try check((1...65_536).contains(clients), "clients is \(clients), but must be from 1 to 65536")
        case .poisson(let rate), .constant(let rate):
            try check(rate > 0 && rate <= 1e6, "the rate is \(rate), but must be above 0 and at most 1000000 a second")
        }
        try check((maxInFlight ?? 1) >= 1, "the most requests in flight are \(maxInFlight ?? 0), but must be at least 1")
        try check(maxRequests != nil || maxDuration != nil, "the test has no end; wanted a number of requests or a duration")
        try check((maxRequests ?? 1) >= 1, "the number of requests is \(maxRequests ?? 0), but must be at least 1")
        try check(warmupRequests >= 0, "the warm-up is \(warmupRequests), but must be 0 or more")
        try check(prefixTokens >= 0 && prefixTokens <= 10_000_000, "the prefix has \(prefixTokens) tokens, but must have 0 to 10000000")
        try check(prefixes >= 1 && prefixes <= 100_000, "there are \(prefixes) prefixes, but must be 1 to 100000")
        try check(maxTokens >= 1, "the most tokens are \(maxTokens), but must be at least 1")
        try check(temperature >= 0 && temperature.isFinite, "the temperature is \(temperature), but must be 0 or more")
        try check(retries >= 0, "the retries are \(retries), but must be 0 or more")
        try check(failuresInARow >= 0, "the failures in a row are \(failuresInARow), but must be 0 or more")
        if case .generated(let tokens) = prompts {
            try check((1...10_000_000).contains(tokens), "a prompt has \(tokens) tokens, but must have 1 to 10000000")
        }
        if case .data(let rows) = prompts, endpoint == .completions {
            let hasChats = rows.contains { if case .messages = $0 { true } else { false } }
            try check(!hasChats, "the data has chats (messages), which the completions endpoint does not take; use the chat endpoint")
        }
        if !streams {
            let streamed = objectives.first { $0.metric != .e2e }
            try check(
                streamed == nil, "the objective \(streamed?.metric.rawValue ?? "") needs streaming: only a stream shows when tokens come")
        }
    }
}
