import JSONText

/// Reads one answer from the bytes of its HTTP response and the times at which they came. Pure: it knows no clock and no connection.
package struct AnswerReader: Sendable {
    private enum Body: Sendable {
        case events(EventStreamParser)
        case whole([UInt8])
    }

    private var status = 0
    private var retryAfter: Double?
    private var body = Body.whole([])
    private var textTimes: [ContinuousClock.Instant] = []
    private var usageChunk: [UInt8]?
    private var isFinished = false
    private var failure: RequestFailure?
    private static let maximumBodyBytes = 64 << 20

    package init() {}

    /// Whether the response's first line has come.
    package var hasBegun: Bool { status != 0 }

    /// Pieces of text so far.
    package var pieces: Int { textTimes.count }

    package mutating func begin(status: Int, contentType: String?, retryAfter: String?) {
        self.status = status
        self.retryAfter = retryAfter.flatMap { Double($0.trimmingBlanks()) }.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        if status == 200, contentType?.lowercased().hasPrefix("text/event-stream") == true { body = .events(EventStreamParser()) }
    }

    package mutating func receive(_ bytes: UnsafeRawBufferPointer, at time: ContinuousClock.Instant) {
        switch body {
        case .whole(var whole):
            body = .whole([])
            if whole.count + bytes.count <= Self.maximumBodyBytes { whole.append(contentsOf: bytes) }
            body = .whole(whole)
        case .events(var parser):
            // The parser's buffers must have one owner while it appends to them.
            body = .whole([])
            parser.consume(bytes) { data in receiveEvent(data, at: time) }
            if parser.droppedOversized { fail(.malformed, "an event of the stream is too large") }
            body = .events(parser)
        }
    }

    private mutating func receiveEvent(_ data: UnsafeRawBufferPointer, at time: ContinuousClock.Instant) {
        if data.elementsEqual("[DONE]".utf8) {
            isFinished = true
            return
        }
        guard let facts = ChunkFacts(scanning: data) else {
            return fail(.malformed, "a chunk is no JSON object: \(String(decoding: data.prefix(120), as: UTF8.self))")
        }
        if facts.hasError { fail(.streamError, RequestFailure.message(inBody: Array(data))) }
        if facts.hasText { textTimes.append(time) }
        if facts.hasFinish { isFinished = true }
        if facts.hasUsage { usageChunk = Array(data) }
    }

    private mutating func fail(_ kind: RequestFailure.Kind, _ message: String) {
        if failure == nil { failure = RequestFailure(kind, message) }
    }

    /// The answer, once the response has ended.
    package func finish(at time: ContinuousClock.Instant) -> Result<Answer, RequestFailure> {
        if let failure { return .failure(failure) }
        switch body {
        case .whole(let bytes):
            guard status == 200 else {
                return .failure(RequestFailure(.status(status), RequestFailure.message(inBody: bytes), retryAfter: retryAfter))
            }
            return Self.readWhole(bytes).map { Answer(textTimes: [], endTime: time, usage: $0) }
        case .events:
            guard isFinished else {
                return .failure(RequestFailure(.truncated, "the stream ended after \(textTimes.count) pieces of text without [DONE]"))
            }
            let usage = usageChunk.flatMap { try? JSON(parsing: $0, rules: .message) }.flatMap { TokenUsage(response: $0) }
            return .success(Answer(textTimes: textTimes, endTime: time, usage: usage))
        }
    }

    private static func readWhole(_ bytes: [UInt8]) -> Result<TokenUsage?, RequestFailure> {
        do {
            let response = try JSON(parsing: bytes, rules: .message)
            if let error = response["error"], !error.isNull {
                return .failure(RequestFailure(.streamError, RequestFailure.message(inBody: bytes)))
            }
            guard response["choices"]?.array?.isEmpty == false else {
                return .failure(RequestFailure(.malformed, "the answer has no choices"))
            }
            return .success(TokenUsage(response: response))
        } catch {
            return .failure(RequestFailure(.malformed, "the answer is no JSON: \(error)"))
        }
    }
}
