import Adapters
import Models
import RandomModels
import Tensors
import Testing

@testable import Engine

/// A byte tokenizer and a small engine around `PrefixHashModel`.
enum EngineHarness {
    static let vocabSize = 256

    static let tokenizer = ByteTokenizer.make(thinkTags: true)
    static let thinkTags = ThinkTags(open: ByteTokenizer.think, close: ByteTokenizer.endOfThink)

    static func engine(
        _ change: (inout EngineSettings) -> Void = { _ in }, eosTokens: [Int32] = [], hash: @escaping PrefixHash = PrefixHashing.standard
    ) -> Engine {
        engine(PrefixHashModel(vocabSize: vocabSize, eosTokens: eosTokens), change, hash: hash)
    }

    static func engine(
        _ model: any LanguageModel, _ change: (inout EngineSettings) -> Void = { _ in }, hash: @escaping PrefixHash = PrefixHashing.standard
    ) -> Engine {
        var settings = EngineSettings(contextLength: 512, kvTokens: 4096)
        change(&settings)
        return Engine(model: model, tokenizer: tokenizer, settings: settings, pool: WorkerPool(threads: 1), hash: hash)
    }

    static func request(_ prompt: String, maxTokens: Int = 24, _ change: (inout GenerationRequest) -> Void = { _ in }) -> GenerationRequest
    {
        var request = GenerationRequest(
            id: "test", prompt: Array(prompt.utf8).map { Int32($0) }, stop: StopConditions(maxTokens: maxTokens))
        request.sampling.seed = 7
        change(&request)
        return request
    }

    /// Submits requests to an engine around a held model, drops the last one's stream while all of them are in the first pass, and lets the
    /// model go: that one had tokens to come, so it is cancelled for certain. Returns the streams of the others.
    static func leave(_ model: HeldModel, _ engine: Engine, _ requests: [GenerationRequest]) async throws -> [GenerationStream] {
        var streams = try engine.submit(together: requests)
        await model.firstPass()
        streams.removeLast()
        model.letGo()
        return streams
    }
}

/// Everything one request reported.
struct Answer: Equatable {
    var promptTokens = 0
    var promptLogprobs: [TokenLogprobs?]?
    var tokens: [Int: [Int32]] = [:]
    var texts: [Int: String] = [:]
    var logprobs: [Int: [TokenLogprobs]] = [:]
    var reasons: [Int: FinishReport.Reason] = [:]
    var stopStrings: [Int: String] = [:]
    /// FVU of each splice over the generated tokens. What it is over the prompt's depends on the prefix cache.
    var fits: [Int: [Float?]] = [:]
    var spliced = Spliced()
    /// What the request failed with; only for those that may.
    var failure: EngineError?

    /// Tokens that each splice acted on: no part of what is answered.
    struct Spliced: Equatable {
        var prompt: [Int: [Int]] = [:]
        var generated: [Int: [Int]] = [:]
        static func == (a: Spliced, b: Spliced) -> Bool { a.generated == b.generated }
    }
    /// How much of the prompt the prefix cache had: no part of what is answered, so any two are equal.
    var cachedTokens = Cached(0)

    struct Cached: Equatable {
        let count: Int
        init(_ count: Int) { self.count = count }
        static func == (a: Cached, b: Cached) -> Bool { true }
    }

    init(_ stream: GenerationStream, mayFail: Bool = false) async {
        for await event in stream {
            switch event {
            case .prompt(let report):
                promptTokens = report.tokens
                cachedTokens = Cached(report.cachedTokens)
                promptLogprobs = report.logprobs
            case .token(let token):
                tokens[token.choice, default: []].append(token.id)
                texts[token.choice, default: ""] += token.text
                if let logprobs = token.logprobs { self.logprobs[token.choice, default: []].append(logprobs) }
            case .finished(let report):
                texts[report.choice, default: ""] += report.text
                reasons[report.choice] = report.reason
                stopStrings[report.choice] = report.stopString
                fits[report.choice] = report.splices.map(\.generated.value)
                spliced.prompt[report.choice] = report.splices.map(\.prompt.rows)
                spliced.generated[report.choice] = report.splices.map(\.generated.rows)
            case .failed(let error):
                failure = error
                if !mayFail { Issue.record("the engine failed: \(error)") }
            }
        }
    }
}

extension Engine {
    /// The answers to requests that are all submitted at once.
    func answers(_ requests: [GenerationRequest]) async throws -> [Answer] {
        let streams = try submit(together: requests)
        return await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, stream) in streams.enumerated() { group.addTask { (index, await Answer(stream)) } }
            let answers = await group.reduce(into: [Int: Answer]()) { $0[$1.0] = $1.1 }
            return requests.indices.map { answers[$0]! }
        }
    }
}
