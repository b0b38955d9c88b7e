import Testing

@testable import LoadTest

/// Answers read from bytes at times that the tests choose: no clock, no connection.
@Suite struct AnswerReaderTests {
    private let start = ContinuousClock.now
    private func time(_ milliseconds: Int64) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func read(
        _ parts: [(at: Int64, text: String)], status: Int = 200, type: String? = "text/event-stream; charset=utf-8",
        retryAfter: String? = nil, end: Int64 = 1000
    ) -> Result<Answer, RequestFailure> {
        var reader = AnswerReader()
        #expect(!reader.hasBegun)
        reader.begin(status: status, contentType: type, retryAfter: retryAfter)
        for part in parts { Array(part.text.utf8).withUnsafeBytes { reader.receive($0, at: time(part.at)) } }
        return reader.finish(at: time(end))
    }

    private func chunk(_ text: String) -> String { "data: {\"choices\":[{\"delta\":{\"content\":\"\(text)\"}}]}\n\n" }
    private let done = "data: [DONE]\n\n"

    @Test func timesOfAStreamedAnswer() throws {
        let usage =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
        let answer = try read([
            (10, "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"), (200, chunk("a")),
            (300, String(chunk("b").dropLast(5))), (450, String(chunk("b").suffix(5)) + chunk("c")), (600, chunk("d") + usage + done),
        ]).get()
        // A piece counts when its event is whole.
        #expect(answer.textTimes == [time(200), time(450), time(450), time(600)])
        #expect(answer.usage == TokenUsage(prompt: 7, completion: 5, cachedPrompt: 4))
        #expect(answer.outputTokens == 5)
        let latencies = answer.latencies(since: time(0))
        #expect(latencies.timeToFirstToken == .milliseconds(200))
        #expect(latencies.timePerOutputToken == .milliseconds(100))
        #expect(latencies.endToEnd == .milliseconds(1000))
        // Counted from when it was due, a second earlier, the wait is part of the latency.
        let due = answer.latencies(since: time(-1000))
        #expect(due.timeToFirstToken == .milliseconds(1200) && due.endToEnd == .milliseconds(2000))
        #expect(due.timePerOutputToken == .milliseconds(100))
    }

    @Test func withoutUsagePiecesAreCounted() throws {
        let answer = try read([(1, chunk("a")), (2, chunk("b")), (3, done)]).get()
        #expect(answer.usage == nil && answer.outputTokens == 2)
    }

    @Test func anAnswerOfOneTokenHasNoTimePerToken() throws {
        let latencies = try read([(5, chunk("a") + done)]).get().latencies(since: time(0))
        #expect(latencies.timeToFirstToken == .milliseconds(5) && latencies.timePerOutputToken == nil)
    }

    @Test func anAnswerWithoutTextHasOnlyAnEnd() throws {
        let latencies = try read([(5, done)]).get().latencies(since: time(0))
        #expect(latencies == AnswerLatencies(endToEnd: .seconds(1)))
    }

    @Test func aFinishReasonEndsAStreamToo() throws {
        let text = "data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":\"length\"}]}\n\n"
        #expect(try read([(1, text)]).get().textTimes.count == 1)
    }

    @Test func failuresByKind() {
        func failure(_ result: Result<Answer, RequestFailure>) -> RequestFailure? {
            if case .failure(let failure) = result { failure } else { nil }
        }
        #expect(failure(read([(1, chunk("a"))]))?.kind == .truncated)
        #expect(failure(read([(1, "data: {\"choices\":[\n\n" + done)]))?.kind == .malformed)
        let reported = failure(read([(1, chunk("a")), (2, "data: {\"error\":{\"message\":\"out of memory\"}}\n\n")]))
        #expect(reported == RequestFailure(.streamError, "out of memory"))
        let busy = failure(
            read([(1, "{\"error\":{\"message\":\"the queue is full\"}}")], status: 429, type: "application/json", retryAfter: "3"))
        #expect(busy == RequestFailure(.status(429), "the queue is full", retryAfter: 3))
        #expect(
            failure(read([(1, "<html>")], status: 502, type: "text/html", retryAfter: "soon")) == RequestFailure(.status(502), "<html>"))
        #expect(failure(read([(1, "not JSON")], type: "application/json"))?.kind == .malformed)
        #expect(failure(read([(1, "{\"choices\":[]}")], type: "application/json"))?.kind == .malformed)
    }

    @Test func aWholeAnswerHasUsageButNoPieces() throws {
        let body =
            "{\"choices\":[{\"text\":\"hi\"}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":9},\"resa\":{\"cached_tokens\":1}}"
        let answer = try read([(1, String(body.prefix(20))), (2, String(body.dropFirst(20)))], type: "application/json").get()
        #expect(answer.textTimes.isEmpty && answer.usage == TokenUsage(prompt: 2, completion: 9, cachedPrompt: 1))
        #expect(answer.latencies(since: time(0)) == AnswerLatencies(endToEnd: .seconds(1)))
    }
}
