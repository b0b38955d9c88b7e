import JSONText
import Synchronization
import Testing

@testable import LoadTest

/// Whole runs against a scripted server. Delays only bound from below what is measured; nothing here fails because a machine is slow.
@Suite struct LoadTestTests {
    private func scenario(_ server: ScriptedServer, requests: Int = 1) -> Scenario {
        var scenario = Scenario(url: server.url)
        scenario.maxRequests = requests
        scenario.prompts = .text("Hi")
        return scenario
    }

    private func run(_ scenario: Scenario) async throws -> Report { try await LoadTest(scenario).run() }

    private func json(_ request: ScriptedServer.Request) throws -> JSON { try JSON(parsing: request.body) }

    /// An answer to everything but the list of models, which the server then gives by itself.
    private func always(_ steps: [ScriptedServer.Step]) -> ScriptedServer.Script {
        { $0.path == "/v1/models" ? [] : steps }
    }

    private static let usage = #"{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":6}}"#

    @Test func closedLoopSendsWhatTheScenarioSays() async throws {
        try await ScriptedServer.with(always(ScriptedServer.stream(["a", "b", "c"], usage: Self.usage))) { server in
            var scenario = scenario(server, requests: 9)
            scenario.url += "/v1/"
            scenario.arrivals = .closed(clients: 3)
            scenario.maxTokens = 17
            scenario.ignoresEndOfText = true
            scenario.temperature = 0.5
            scenario.apiKey = "secret"
            scenario.seed = 40
            let report = try await run(scenario)
            #expect(report.all.completed == 9 && report.all.failed == 0 && report.ending == .complete)
            #expect(report.all.outputTokens == 27 && report.all.promptTokens == 108 && report.all.prefixHitShare == 0.5)
            #expect(report.tokensFrom == "usage" && report.scenario.model == "tiny")
            #expect(report.all.ttft?.count == 9 && report.all.interToken?.count == 18)
            #expect(server.generations.count == 9)
            for request in server.generations {
                #expect(request.path == "/v1/chat/completions" && request.headers["authorization"] == ["Bearer secret"])
                let body = try json(request)
                #expect(body["model"] == "tiny" && body["max_tokens"] == 17 && body["ignore_eos"] == true && body["stream"] == true)
                #expect(body["stream_options"]?["include_usage"] == true && body["temperature"] == 0.5)
                #expect(body["messages"]?[0]?["content"] == "Hi")
            }
            let seeds = try server.generations.map { try json($0)["seed"]?.int }
            #expect(Set(seeds) == Set((40..<49).map { Int?.some($0) }))
        }
    }

    @Test func scriptedDelaysAreMeasured() async throws {
        var steps = ScriptedServer.stream(["a", "b"])
        // Head and role chunk come at once, the first text after 120 ms, the second 80 ms later.
        steps.insert(.wait(.milliseconds(120)), at: 2)
        steps.insert(.wait(.milliseconds(80)), at: 4)
        try await ScriptedServer.with(always(steps)) { server in
            let report = try await run(scenario(server))
            #expect(report.all.completed == 1 && report.tokensFrom == "pieces")
            let (ttft, gap, end) = (try #require(report.all.ttft), try #require(report.all.interToken), try #require(report.all.e2e))
            // What comes late makes the gap after it shorter, so that only their sum is sure.
            #expect(ttft.minMs >= 119 && ttft.minMs + gap.minMs >= 199 && end.minMs >= 199)
            #expect(ttft.maxMs < end.maxMs)
        }
    }

    @Test func openLoopCountsFromWhenARequestWasDue() async throws {
        var steps = ScriptedServer.stream(["a"])
        steps.insert(.wait(.milliseconds(100)), at: 1)
        try await ScriptedServer.with(always(steps)) { server in
            var scenario = scenario(server, requests: 6)
            // Due 1 ms apart, but answered one after the other: the last one waits for the five before it.
            scenario.arrivals = .constant(rate: 1000)
            scenario.maxInFlight = 1
            let report = try await run(scenario)
            #expect(report.all.completed == 6)
            #expect(try #require(report.all.e2e).maxMs >= 590)
            let end = try #require(report.all.e2e)
            #expect(end.maxMs - end.minMs >= 480)
            #expect(report.seconds >= 0.6)
        }
    }

    /// The server answers nobody before all have asked; whoever waits for an answer before the next request never gets one.
    @Test func anOpenLoopDoesNotWaitForAnswers() async throws {
        let requests = 8
        try await ScriptedServer.with({ request in
            request.path == "/v1/models" ? [] : [.hold(until: requests)] + ScriptedServer.stream(["a"])
        }) { server in
            var scenario = scenario(server, requests: requests)
            scenario.arrivals = .poisson(rate: 2000)
            let report = try await run(scenario)
            #expect(report.all.completed == requests && report.ending == .complete)
        }
    }

    @Test func failuresAreToldApart() async throws {
        try await ScriptedServer.with({ request in
            if request.path == "/v1/models" { return [] }
            return switch request.index {
            case 0: ScriptedServer.stream(["a"])
            case 1: ScriptedServer.json(#"{"error":{"message":"the queue is full"}}"#, status: 429, headers: [("retry-after", "1")])
            case 2: ScriptedServer.stream(["a"], done: false)
            case 3: Array(ScriptedServer.stream(["a", "b"]).prefix(3)) + [.wait(.milliseconds(20)), .hangUp]
            case 4: [.head(200, [("content-type", "text/event-stream")]), .write("data: {broken\n\ndata: [DONE]\n\n"), .end]
            case 5:
                [.head(200, [("content-type", "text/event-stream")]), .write(ScriptedServer.event(#"{"error":{"message":"oops"}}"#)), .end]
            case 6: [.hangUp]
            default: ScriptedServer.json(#"{"error":"crash"}"#, status: 500)
            }
        }) { server in
            var scenario = scenario(server, requests: 8)
            scenario.timeout = .seconds(3600)
            let report = try await run(scenario)
            #expect(report.all.completed == 1 && report.all.failed == 7)
            let errors = Dictionary(uniqueKeysWithValues: report.all.errors.map { ($0.kind, $0) })
            #expect(errors["truncated answer"]?.count == 2)
            for kind in ["HTTP 429", "HTTP 500", "malformed answer", "error in the stream", "connection"] {
                #expect(errors[kind]?.count == 1, "\(kind): \(errors.keys)")
            }
            #expect(errors["HTTP 429"]?.example == "the queue is full" && errors["HTTP 500"]?.example == "crash")
            #expect(errors["error in the stream"]?.example == "oops")
        }
    }

    @Test func whatNeverEndsTimesOut() async throws {
        try await ScriptedServer.with(always(Array(ScriptedServer.stream(["a", "b"]).prefix(3)))) { server in
            var scenario = scenario(server, requests: 2)
            scenario.timeout = .milliseconds(300)
            let report = try await run(scenario)
            #expect(report.all.failed == 2 && report.all.errors.map { "\($0.count) \($0.kind)" } == ["2 timeout"])
        }
    }

    @Test func retriesWaitAsLongAsTheServerAsks() async throws {
        try await ScriptedServer.with({ request in
            if request.path == "/v1/models" { return [] }
            return request.index < 2
                ? ScriptedServer.json("{}", status: 429, headers: [("retry-after", "0.15")]) : ScriptedServer.stream(["a"])
        }) { server in
            var scenario = scenario(server)
            scenario.retries = 2
            let report = try await run(scenario)
            #expect(report.all.completed == 1 && report.all.failed == 0 && report.all.retries == 2)
            #expect(try #require(report.all.ttft).minMs >= 299)
        }
    }

    @Test func retriesEnd() async throws {
        try await ScriptedServer.with(always(ScriptedServer.json("{}", status: 429, headers: [("retry-after", "3600")]))) { server in
            var scenario = scenario(server)
            scenario.retries = 2
            scenario.maxRetryWait = .milliseconds(10)
            let report = try await run(scenario)
            #expect(report.all.failed == 1 && report.all.retries == 2 && server.generations.count == 3)
            #expect(throws: LoadTestError.self) { try report.check() }
        }
    }

    @Test func adaptersTravelInTheirHeader() async throws {
        try await ScriptedServer.with(always(ScriptedServer.stream(["a"]))) { server in
            var scenario = scenario(server, requests: 60)
            scenario.arrivals = .closed(clients: 4)
            scenario.adapters = AdapterMix([.init(adapter: nil, weight: 1), .init(adapter: "a;scale=0.5", weight: 2)])
            let report = try await run(scenario)
            let values = server.generations.map { $0.headers["resa-adapters"] }
            let adapted = values.count { $0 == ["a;scale=0.5"] }
            let plain = values.count { $0.isEmpty }
            #expect(adapted + plain == 60, "\(values)")
            #expect(adapted > 25 && adapted < 55)
            #expect(report.adapters.map(\.completed) == [60 - adapted, adapted])
            #expect(try server.generations.allSatisfy { try json($0)["model"] == "tiny" })
        }
    }

    @Test func adaptersTravelAsModels() async throws {
        try await ScriptedServer.with(always(ScriptedServer.stream(["a"]))) { server in
            var scenario = scenario(server, requests: 20)
            scenario.adapters = AdapterMix([.init(adapter: nil, weight: 1), .init(adapter: "lora", weight: 1)], carrier: .model)
            _ = try await run(scenario)
            #expect(Set(try server.generations.map { try json($0)["model"]?.string }) == ["tiny", "lora"])
            #expect(server.generations.allSatisfy { $0.headers["resa-adapters"].isEmpty })
        }
    }

    @Test func warmUpIsNotReported() async throws {
        try await ScriptedServer.with({ request in
            if request.path == "/v1/models" { return [] }
            return request.index < 5 ? ScriptedServer.json("{}", status: 500) : ScriptedServer.stream(["a"])
        }) { server in
            var scenario = scenario(server, requests: 4)
            scenario.warmupRequests = 5
            let report = try await run(scenario)
            #expect(report.all.completed == 4 && report.all.failed == 0 && server.generations.count == 9)
        }
    }

    @Test func withoutStreamingOnlyTheEndIsMeasured() async throws {
        let answer = #"{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":2,"completion_tokens":9}}"#
        try await ScriptedServer.with(always(ScriptedServer.json(answer))) { server in
            var scenario = scenario(server, requests: 2)
            scenario.streams = false
            scenario.endpoint = .completions
            let report = try await run(scenario)
            #expect(report.all.completed == 2 && report.all.outputTokens == 18 && report.all.e2e?.count == 2)
            #expect(report.all.ttft == nil && report.all.tpot == nil && report.all.interToken == nil)
            let body = try json(try #require(server.generations.first))
            #expect(body["stream"] == nil && body["prompt"] == "Hi" && server.generations.first?.path == "/v1/completions")
        }
    }

    @Test func theServersTokenizerSetsTheLength() async throws {
        try await ScriptedServer.with({ request in
            switch request.path {
            case "/v1/models": return []
            case "/tokenize":
                let text = (try? JSON(parsing: request.body))?["prompt"]?.string ?? ""
                return ScriptedServer.json("{\"count\":\(1 + text.split(separator: " ").count)}")
            default: return ScriptedServer.stream(["a"])
            }
        }) { server in
            var scenario = scenario(server)
            scenario.prompts = .generated(tokens: 90)
            scenario.prefixTokens = 10
            let report = try await run(scenario)
            let content = try json(try #require(server.generations.first))["messages"]?[0]?["content"]?.string
            // The scripted tokenizer counts one more for every text, which the maker must allow for in each of the two parts.
            #expect(content?.split(separator: " ").count == 98)
            #expect(report.scenario.prompts.contains("exact") && report.scenario.sharedPrefix?.contains("exact") == true)
        }
    }

    @Test func cancellingEndsTheRunAndKeepsWhatWasMeasured() async throws {
        try await ScriptedServer.with({ request in
            if request.path == "/v1/models" { return [] }
            return request.index < 3 ? ScriptedServer.stream(["a"]) : Array(ScriptedServer.stream(["a", "b"]).prefix(4))
        }) { server in
            var scenario = scenario(server, requests: 1000)
            scenario.arrivals = .closed(clients: 2)
            let test = try LoadTest(scenario)
            let isTime = Flag()
            let running = Task {
                // Three answers have come and two hang: time for Ctrl-C.
                try await test.run { now in
                    if now.answered == 3, now.inFlight == 2, now.pieces == 7 { isTime.raise() }
                }
            }
            while !isTime.isRaised { try await Task.sleep(for: .milliseconds(5)) }
            running.cancel()
            let report = try await running.value
            #expect(report.ending == .interrupted && report.all.completed == 3 && report.all.interrupted == 2 && report.all.failed == 0)
            #expect(report.all.e2e?.count == 3)
            try report.check()
        }
    }

    @Test func aDurationEndsTheRun() async throws {
        var steps = ScriptedServer.stream(["a"])
        steps.insert(.wait(.milliseconds(10)), at: 1)
        try await ScriptedServer.with(always(steps)) { server in
            var scenario = scenario(server)
            scenario.maxRequests = nil
            scenario.maxDuration = .milliseconds(200)
            let report = try await run(scenario)
            #expect(report.all.completed <= 20 && report.ending == .complete)
            scenario.arrivals = .constant(rate: 50)
            let open = try await run(scenario)
            #expect(open.all.completed <= 11)
        }
    }

    @Test func givesUpOnAServerThatAnswersNothing() async throws {
        try await ScriptedServer.with(always(ScriptedServer.json("{}", status: 503))) { server in
            var scenario = scenario(server, requests: 1000)
            scenario.failuresInARow = 3
            let report = try await run(scenario)
            #expect(report.ending == .gaveUp && report.all.failed == 3)
        }
    }

    @Test func nobodyListens() async throws {
        let url = try await ScriptedServer.with({ _ in [] }) { $0.url }
        var scenario = Scenario(url: url)
        scenario.maxRequests = 1
        let error = await #expect(throws: LoadTestError.self) { try await LoadTest(scenario).run() }
        guard case .unreachable(url, let reason) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(reason.lowercased().contains("refused"), "\(reason)")
    }

    @Test func aWrongKeyIsToldAtOnce() async throws {
        try await ScriptedServer.with({ _ in ScriptedServer.json(#"{"error":{"message":"bad key"}}"#, status: 401) }) { server in
            await #expect(throws: LoadTestError.unauthorised(url: server.url, message: "bad key")) { try await run(scenario(server)) }
            #expect(server.generations.isEmpty)
        }
    }

    @Test func anUnknownModelIsToldFromOtherFailures() async throws {
        try await ScriptedServer.with(always(ScriptedServer.json(#"{"error":{"message":"no such model"}}"#, status: 404))) { server in
            var scenario = scenario(server, requests: 2)
            scenario.model = "gone"
            let report = try await run(scenario)
            #expect(throws: LoadTestError.unknownModel("gone", message: "no such model")) { try report.check() }
        }
    }

    @Test func aServerWithoutAListNeedsAName() async throws {
        try await ScriptedServer.with({ request in
            request.path == "/v1/models" ? ScriptedServer.json("{}", status: 404) : ScriptedServer.stream(["a"])
        }) { server in
            await #expect(throws: LoadTestError.self) { try await run(scenario(server)) }
            var named = scenario(server)
            named.model = "m"
            let report = try await run(named)
            #expect(report.all.completed == 1)
        }
    }

    @Test(arguments: ["", "localhost:80", "ftp://x", "http://", "http://x/?a=1", "nonsense"])
    func refusesWhatIsNoAddress(_ url: String) async throws {
        var scenario = Scenario(url: url)
        scenario.maxRequests = 1
        await #expect(throws: LoadTestError.invalidURL(url)) { try await LoadTest(scenario).run() }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
}
