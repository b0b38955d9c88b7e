import Foundation
import JSONText
import Measuring
import TestRandomness
import Testing

@testable import LoadTest

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct LatencyHistogramTests {
    @Test func percentilesOfKnownValues() throws {
        var histogram = LatencyHistogram()
        for milliseconds in 1...1000 { histogram.record(.milliseconds(Int64(milliseconds))) }
        let summary = try #require(histogram.summary)
        #expect(summary.count == 1000)
        #expect(summary.minMs == 1 && summary.maxMs == 1000 && summary.meanMs == 500.5)
        // Three significant digits.
        for (value, expected) in [(summary.p50Ms, 500.0), (summary.p90Ms, 900), (summary.p99Ms, 990)] {
            #expect(abs(value - expected) <= expected / 1000, "\(value)")
        }
        #expect(summary.quantilesMs.count == 201 && summary.quantilesMs == summary.quantilesMs.sorted())
        #expect(summary.quantilesMs.first == 1 && summary.quantilesMs.last == 1000)
    }

    @Test func keepsFarApartValuesApart() throws {
        var histogram = LatencyHistogram()
        histogram.record(.microseconds(3))
        histogram.record(.seconds(30 * 3600))
        let summary = try #require(histogram.summary)
        #expect(summary.minMs == 0.003 && summary.p50Ms == 0.003 && summary.maxMs == 108_000_000)
        #expect(summary.p99Ms == summary.maxMs)
    }

    @Test func nothingRecordedIsNothingSaid() {
        #expect(LatencyHistogram().summary == nil)
    }
}

@Suite struct TimelineTests {
    @Test func joinsIntervalsWhenTheyGetTooMany() {
        var timeline = Timeline()
        for second in 0..<1000 { timeline.add(second: Double(second) + 0.1, answers: 1, tokens: 2) }
        #expect(timeline.answers.count <= 240 && timeline.answers.count > 100)
        #expect(timeline.answers.reduce(0, +) == 1000 && timeline.tokens.reduce(0, +) == 2000)
        #expect(Double(timeline.answers.count) * timeline.secondsPerPoint >= 999)
        timeline.add(second: 1e7, answers: 1)
        #expect(timeline.answers.count <= 240 && timeline.answers.reduce(0, +) == 1001)
    }

    @Test func aShortRestGoesToTheIntervalBefore() {
        var timeline = Timeline()
        for second in [0.1, 0.3, 0.51] { timeline.add(second: second, answers: 1) }
        #expect(TimelineReport(timeline, seconds: 0.52).requestsPerSecond == [4, Figure.rounded(2 / 0.27)])
        #expect(TimelineReport(timeline, seconds: 0.7).requestsPerSecond == [4, 4, 5])
    }
}

@Suite struct ReportTests {
    private static let start = ContinuousClock.now
    private static func time(_ milliseconds: Int64) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private static func record(
        group: Int, start: Int64, pieces: [Int64], end: Int64, usage: TokenUsage? = nil, retries: Int = 0
    ) -> RequestRecord {
        RequestRecord(
            group: group, start: time(start), end: time(end), retries: retries,
            outcome: .answered(Answer(textTimes: pieces.map(time), endTime: time(end), usage: usage)))
    }

    /// Ten seconds, four answers, three failures, one request cut off.
    private static func report(adapter: String = "a;scale=0.5", failure: String = "the queue is full") async throws -> Report {
        var scenario = Scenario(url: "http://server")
        scenario.maxRequests = 8
        scenario.arrivals = .poisson(rate: 2)
        scenario.adapters = AdapterMix([.init(adapter: nil, weight: 1), .init(adapter: adapter, weight: 1)])
        scenario.objectives = [Objective(.ttft, within: .milliseconds(500)), Objective(.tpot, within: .milliseconds(100))]
        var measurements = Measurements(groups: 2, objectives: scenario.objectives, start: time(0))
        // Meets both: TTFT 400, TPOT (1000 - 400) / (7 - 1) = 100.
        measurements.add(
            record(group: 0, start: 0, pieces: [400, 600, 1000], end: 1100, usage: TokenUsage(prompt: 10, completion: 7, cachedPrompt: 5)))
        // Misses TTFT (600), meets TPOT (50).
        measurements.add(record(group: 0, start: 1000, pieces: [1600, 1650], end: 1700, usage: TokenUsage(prompt: 10, completion: 2)))
        // Meets TTFT (500), misses TPOT (200).
        measurements.add(record(group: 1, start: 2000, pieces: [2500, 2700], end: 2700, retries: 2))
        // One token: has no TPOT, and so does not miss it.
        measurements.add(record(group: 1, start: 3000, pieces: [3100], end: 10_000, usage: TokenUsage(prompt: 10, completion: 1)))
        measurements.add(
            RequestRecord(group: 1, start: time(0), end: time(100), outcome: .failed(RequestFailure(.status(429), failure))))
        measurements.add(
            RequestRecord(group: 1, start: time(0), end: time(200), outcome: .failed(RequestFailure(.timeout, "no whole answer in time"))))
        measurements.add(RequestRecord(group: 0, start: time(0), end: time(90), outcome: .failed(RequestFailure(.status(429), "again"))))
        measurements.add(RequestRecord(group: 0, start: time(9000), end: time(9900), outcome: .interrupted(pieces: 3)))
        let prompts = try await PromptMaker(source: .text("Hi"), seed: 0, count: nil)
        scenario.prompts = .text("Hi")
        let summary = ScenarioSummary(
            scenario, root: "http://server", model: "m<&>", prompts: prompts, date: Date(timeIntervalSince1970: 1_700_000_000))
        return Report(scenario: summary, measurements: measurements, adapters: scenario.adapters, ending: .interrupted)
    }

    @Test func goodputCountsWhatMeetsEveryObjective() async throws {
        let report = try await Self.report()
        let goodput = try #require(report.all.goodput)
        // Two of four answers and three failures; the one that was cut off could still have met them.
        #expect(goodput.share == Figure.rounded(2.0 / 7) && goodput.requestsPerSecond == 0.2)
        #expect(goodput.objectives.map(\.share) == [Figure.rounded(3.0 / 7), Figure.rounded(3.0 / 7)])
        #expect(report.adapters.map { $0.goodput?.share } == [Figure.rounded(1.0 / 3), 0.25])
    }

    @Test func countsAndRates() async throws {
        let report = try await Self.report()
        #expect(report.seconds == 10 && report.tokensFrom == "both")
        let all = report.all
        #expect(all.completed == 4 && all.failed == 3 && all.interrupted == 1 && all.retries == 2)
        #expect(all.promptTokens == 30 && all.outputTokens == 7 + 2 + 2 + 1 + 3)
        #expect(all.requestsPerSecond == 0.4 && all.outputTokensPerSecond == 1.5 && all.promptTokensPerSecond == 3)
        // Only answers that tell of cached tokens count.
        #expect(all.prefixHitShare == 0.5)
        #expect(all.errors.map { "\($0.count) \($0.kind)" } == ["2 HTTP 429", "1 timeout"])
        #expect(all.errors.first?.example == "the queue is full")
        #expect(report.adapters.map(\.name) == ["base", "a;scale=0.5"])
        #expect(report.adapters.map(\.completed) == [2, 2] && report.adapters.map(\.failed) == [1, 2])
        #expect(all.ttft?.count == 4 && all.tpot?.count == 3 && all.interToken?.count == 4 && all.e2e?.count == 4)
        #expect(all.ttft?.maxMs == 600 && all.e2e?.maxMs == 7000 && all.interToken?.maxMs == 400 && all.tpot?.minMs == 50)
    }

    /// The JSON is what other programs read: its names and shape stay.
    @Test func jsonKeepsItsShape() async throws {
        let report = try await Self.report()
        let json = try JSON(parsing: try report.json())
        #expect(
            JSONWriter.text(try #require(json["scenario"]))
                == #"{"arrivals":"open loop, Poisson arrivals, 2/s","date":"2023-11-14T22:13:20Z","endpoint":"chat","ignores_end_of_text":false,"max_requests":8,"max_tokens":128,"model":"m<&>","prompts":"one text of 2 bytes","seed":0,"streams":true,"temperature":0,"url":"http://server","warmup_requests":0}"#
        )
        #expect(json.object?.keys == ["adapters", "all", "ending", "scenario", "seconds", "timeline", "tokens_from"])
        var all = try #require(json["all"]?.object)
        let ttft = #"{"count":4,"max_ms":600,"mean_ms":400,"min_ms":100,"p50_ms":400.127,"p90_ms":600,"p99_ms":600}"#
        #expect(JSONWriter.text(try #require(all["ttft"])) == ttft)
        #expect(all["tpot"]?["p50_ms"]?.double == 100.031)
        for name in ["ttft", "tpot", "inter_token", "e2e"] { all[name] = nil }
        #expect(
            JSONWriter.text(.object(all))
                == #"{"completed":4,"errors":[{"count":2,"example":"the queue is full","kind":"HTTP 429"},{"count":1,"example":"no whole answer in time","kind":"timeout"}],"failed":3,"goodput":{"objectives":[{"limit_ms":500,"metric":"ttft","share":0.429},{"limit_ms":100,"metric":"tpot","share":0.429}],"requests_per_second":0.2,"share":0.286},"interrupted":1,"name":"all","output_tokens":15,"output_tokens_per_second":1.5,"prefix_hit_share":0.5,"prompt_tokens":30,"prompt_tokens_per_second":3,"requests_per_second":0.4,"retries":2}"#
        )
        #expect(json["ending"] == "interrupted" && json["tokens_from"] == "both")
        #expect(json["timeline"]?["seconds_per_point"] == 0.25)
        #expect(json["timeline"]?["output_tokens_per_second"]?.array?.count == 40)
    }

    @Test func theAnswersThatFailDecideTheVerdict() async throws {
        try await Self.report().check()
        func failing(_ kind: RequestFailure.Kind) async throws -> Report {
            var measurements = Measurements(groups: 1, objectives: [], start: Self.time(0))
            measurements.add(RequestRecord(group: 0, start: Self.time(0), end: Self.time(1), outcome: .failed(RequestFailure(kind, "no"))))
            let prompts = try await PromptMaker(source: .text("Hi"), seed: 0, count: nil)
            let summary = ScenarioSummary(Scenario(url: "u"), root: "u", model: "m", prompts: prompts, date: Date())
            return Report(scenario: summary, measurements: measurements, adapters: AdapterMix(), ending: .complete)
        }
        await #expect(throws: LoadTestError.unauthorised(url: "u", message: "no")) { try await failing(.status(401)).check() }
        await #expect(throws: LoadTestError.unknownModel("m", message: "no")) { try await failing(.status(404)).check() }
        await #expect(throws: LoadTestError.allFailed(count: 1, example: "timeout: no")) { try await failing(.timeout).check() }
        #expect(try await failing(.timeout).adapters.isEmpty)
    }

    private final class TextCollector: NSObject, XMLParserDelegate {
        var text = ""
        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
    }

    @Test func thePageIsWellFormedWhateverTheNames() async throws {
        let hostile = "a\"<b>&'\u{1}]]>\u{1F600}"
        let page = ReportPage.svg(try await Self.report(adapter: hostile, failure: "<svg>\u{0}&amp;"))
        let parser = XMLParser(data: Data(page.utf8))
        let collector = TextCollector()
        parser.delegate = collector
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        #expect(collector.text.contains("a\"<b>&'\u{FFFD}]]>\u{1F600}"))
        #expect(collector.text.contains("Load test of m<&>") && collector.text.contains("By adapter"))
        #expect(!page.contains("NaN") && !page.contains("inf"))
    }

    @Test func thePageOfNothingIsWellFormedToo() async throws {
        let prompts = try await PromptMaker(source: .text("Hi"), seed: 0, count: nil)
        let summary = ScenarioSummary(Scenario(url: "u"), root: "u", model: "m", prompts: prompts, date: Date())
        let empty = Report(
            scenario: summary, measurements: Measurements(groups: 1, objectives: [], start: Self.time(0)), adapters: AdapterMix(),
            ending: .interrupted)
        let page = ReportPage.svg(empty)
        #expect(XMLParser(data: Data(page.utf8)).parse())
        #expect(page.contains("nothing was measured"))
    }
}

@Suite struct ChartScaleTests {
    @Test func linearMarksAreRound() {
        let scale = ChartScale.linear(to: 87, pixels: (100, 0), marks: 4)
        #expect(scale.marks == [0, 50, 100] && scale.pixel(0) == 100 && scale.pixel(100) == 0 && scale.pixel(50) == 50)
    }

    @Test func logarithmicScalesCoverTheirValues() {
        let seed = SeededRandom.seed()
        var generator = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let least = Double.random(in: 0.001...1000, using: &generator)
            let greatest = least * Double.random(in: 1...1e5, using: &generator)
            let scale = ChartScale.logarithmic(from: least, to: greatest, pixels: (0, 500))
            #expect(scale.values.least <= least * 1.001 && scale.values.greatest >= greatest * 0.999, "seed \(seed)")
            #expect(scale.marks.count >= 2 || greatest / least < 10, "seed \(seed): \(least)...\(greatest)")
            #expect(scale.pixel(least) >= 0 && scale.pixel(greatest) <= 500, "seed \(seed)")
        }
    }
}
