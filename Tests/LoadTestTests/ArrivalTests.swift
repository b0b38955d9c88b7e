import Measuring
import Testing

@testable import LoadTest

@Suite struct ArrivalTests {
    @Test func constantArrivalsKeepTheirDistance() throws {
        let schedule = try #require(ArrivalSchedule(.constant(rate: 4), seed: 1))
        #expect(Array(schedule.prefix(4)) == [.zero, .milliseconds(250), .milliseconds(500), .milliseconds(750)])
    }

    @Test func aClosedLoopHasNoSchedule() {
        #expect(ArrivalSchedule(.closed(clients: 3), seed: 1) == nil)
    }

    /// Gaps of a Poisson process of rate 20: mean 50 ms, standard deviation 50 ms, and P(gap > t) = exp(-20 t). The seed is fixed, so this
    /// cannot fail by chance.
    @Test func poissonArrivalsAreExponentiallySpaced() throws {
        let count = 20_000
        let schedule = try #require(ArrivalSchedule(.poisson(rate: 20), seed: 7))
        let times = schedule.prefix(count).map(\.inSeconds)
        let gaps = zip([0] + times, times).map { $1 - $0 }
        #expect(gaps.allSatisfy { $0 >= 0 })
        let mean = gaps.reduce(0, +) / Double(count)
        #expect(abs(mean - 0.05) < 0.0015)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
        #expect(abs(variance.squareRoot() - 0.05) < 0.002)
        for (limit, share) in [(0.01, 0.8187), (0.05, 0.3679), (0.15, 0.0498)] {
            #expect(abs(Double(gaps.count { $0 > limit }) / Double(count) - share) < 0.012)
        }
    }

    @Test func theSeedDecides() throws {
        func times(_ seed: UInt64) throws -> [Duration] { Array(try #require(ArrivalSchedule(.poisson(rate: 3), seed: seed)).prefix(50)) }
        #expect(try times(1) == times(1))
        #expect(try times(1) != times(2))
    }
}

@Suite struct AdapterMixTests {
    @Test(
        arguments: [
            ("a", "a", 1.0), ("a=3", "a", 3), ("none=2", nil, 2), ("base", nil, 1), ("a;scale=0.5", "a;scale=0.5", 1),
            ("a;scale=0.5=2", "a;scale=0.5", 2), ("a;scale=0.5, b=2", "a;scale=0.5, b", 2), (" a = 0.25 ", "a", 0.25),
            (#"s;value="x=1;y"=4"#, #"s;value="x=1;y""#, 4), (#"s;value="x=1;y""#, #"s;value="x=1;y""#, 1),
        ] as [(String, String?, Double)])
    func readsNamesAndWeights(_ text: String, _ adapter: String?, _ weight: Double) throws {
        #expect(try AdapterMix.Entry(parsing: text) == AdapterMix.Entry(adapter: adapter, weight: weight))
    }

    @Test(arguments: ["", "=2", "a=0", "a=-1", "a=x", "a=", "a=inf", "a\u{1}b=1"])
    func refusesNonsense(_ text: String) {
        #expect(throws: LoadTestError.self) { try AdapterMix.Entry(parsing: text) }
    }

    @Test func drawsByWeight() {
        let mix = AdapterMix([.init(adapter: nil, weight: 5), .init(adapter: "a", weight: 3), .init(adapter: "b", weight: 2)])
        var counts = [0, 0, 0]
        for index in 0..<10_000 {
            // As the planner does it: a generator of its own for each request.
            var generator = SplitMix64(seed: 3, purpose: .adapter, index: index)
            counts[mix.draw(using: &generator)] += 1
        }
        #expect(abs(counts[0] - 5000) < 200 && abs(counts[1] - 3000) < 200 && abs(counts[2] - 2000) < 200, "\(counts)")
    }
}

@Suite struct SettingTests {
    @Test(
        arguments: [
            ("500ms", .milliseconds(500)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)), ("1h", .seconds(3600)), ("3", .seconds(3)),
            ("250us", .microseconds(250)), (" 4 s ", .seconds(4)), ("2min", .seconds(120)), ("", nil), ("s", nil), ("-1s", nil), ("0", nil),
            ("1x", nil), ("1e9s", nil), ("99999999999h", nil), ("1.2.3s", nil),
        ] as [(String, Duration?)])
    func readsTimes(_ text: String, _ expected: Duration?) {
        #expect(TimeText.parse(text) == expected)
    }

    @Test func readsObjectives() throws {
        #expect(try Objective(parsing: "TTFT = 500ms") == Objective(.ttft, within: .milliseconds(500)))
        for text in ["ttft", "ttft=", "itl=5ms", "e2e=0", ""] {
            #expect(throws: LoadTestError.self, "\(text)") { try Objective(parsing: text) }
        }
    }

    @Test func refusesScenariosThatMakeNoSense() throws {
        var sound = Scenario(url: "http://x")
        sound.maxRequests = 1
        try sound.validate()
        let changes: [(inout Scenario) -> Void] = [
            { $0.maxRequests = nil }, { $0.maxRequests = 0 }, { $0.arrivals = .closed(clients: 0) }, { $0.arrivals = .poisson(rate: 0) },
            { $0.arrivals = .constant(rate: .nan) }, { $0.maxInFlight = 0 }, { $0.maxTokens = 0 }, { $0.temperature = -1 },
            { $0.prefixes = 0 }, { $0.prefixTokens = -1 }, { $0.prompts = .generated(tokens: 0) }, { $0.warmupRequests = -1 },
            { $0.retries = -1 },
            {
                $0.streams = false
                $0.objectives = [Objective(.ttft, within: .seconds(1))]
            },
            {
                $0.endpoint = .completions
                $0.prompts = .data([.messages([["role": "user", "content": "x"]])])
            },
        ]
        for (index, change) in changes.enumerated() {
            var scenario = sound
            change(&scenario)
            #expect(throws: LoadTestError.self, "change \(index)") { try scenario.validate() }
        }
    }
}
