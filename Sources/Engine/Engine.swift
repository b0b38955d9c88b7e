// Engine: sequences, the scheduler, batch plans, sampling and stop conditions, on one dedicated thread.
// It knows nothing about HTTP or disk.

import Adapters
import Foundation
import Models
import Tensors
import Tokenizers

/// Continues prompts, many at once: requests join and leave the batch at every step.
///
/// All computation happens on one dedicated thread and its worker pool; this type is only its door.
package final class Engine: Sendable {
    package let settings: EngineSettings
    package let vocabSize: Int
    private let drawable: DrawableTokens
    private let width: Int
    private let thinkTags: ThinkTags?
    private let mailbox: Mailbox
    private let shared = SharedStatistics()

    /// - Parameters:
    ///   - pool: used by the engine thread alone from now on.
    package convenience init(model: any LanguageModel, tokenizer: Tokenizer, settings: EngineSettings, pool: WorkerPool) {
        self.init(model: model, tokenizer: tokenizer, settings: settings, pool: pool, hash: PrefixHashing.standard)
    }

    /// With a prefix hash of the caller's choice.
    init(
        model: any LanguageModel, tokenizer: Tokenizer, settings: EngineSettings, pool: WorkerPool, hash: @escaping PrefixHash
    ) {
        self.settings = settings
        vocabSize = model.config.vocabSize
        drawable = DrawableTokens(model.config, tokenizer)
        width = model.config.hiddenSize
        thinkTags = ThinkTags(tokenizer)
        mailbox = Mailbox(limit: settings.queueLimit, clientLimit: settings.clientQueueLimit)
        // Known before the first step.
        var statistics = EngineStatistics()
        statistics.kvBlocksTotal = settings.blocks
        shared.publish(statistics)
        let mailbox = mailbox
        let shared = shared
        let thread = Thread {
            EngineLoop(
                model: model, tokenizer: tokenizer, settings: settings, pool: pool, mailbox: mailbox, statistics: shared, hash: hash
            ).run()
        }
        thread.name = "engine"
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit { mailbox.close() }

    /// Queues a request. Its events arrive through the stream; dropping the stream, or cancelling the task that reads it,
    /// frees the request's place within one step.
    ///
    /// - Throws: an `EngineError` when the request is impossible, or the queue is full.
    package func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationStream {
        try submit(together: [request])[0]
    }

    /// Queues requests of one client all at once, or none of them. Those that begin with the same tokens compute together what they share:
    /// the layers below the first that any of their adapters touches are computed by the first of them.
    ///
    /// - Returns: a stream for each, as if it had been submitted alone.
    /// - Throws: an `EngineError` when a request is impossible, or the queue has no room for all.
    package func submit(together requests: [GenerationRequest]) throws(EngineError) -> [GenerationStream] {
        for request in requests { try validate(request) }
        var streams: [GenerationStream] = []
        var tickets: [Ticket] = []
        for request in requests {
            let (stream, continuation) = AsyncStream<GenerationEvent>.makeStream()
            let ticket = Ticket(request, continuation: continuation)
            continuation.onTermination = { [weak ticket, mailbox] reason in
                if case .cancelled = reason, let ticket { mailbox.cancel(ticket) }
            }
            streams.append(GenerationStream(events: stream))
            tickets.append(ticket)
        }
        do {
            try mailbox.submit(tickets)
        } catch {
            // Their streams end here, and must not be taken for clients that have gone.
            for ticket in tickets { ticket.close() }
            throw error
        }
        return streams
    }

    package var statistics: EngineStatistics {
        var statistics = shared.value
        statistics.waitingRequests = mailbox.waitingCount
        return statistics
    }

    /// Refuses new requests, finishes those that were accepted, and returns when the engine thread has ended.
    package func shutdown() async {
        await mailbox.drain()
    }

    private func validate(_ request: GenerationRequest) throws(EngineError) {
        let prompt = request.prompt.count
        let limit = min(settings.contextLength, settings.kvTokens)
        if prompt == 0 { throw .promptEmpty }
        if prompt > limit || (prompt == limit && request.stop.maxTokens > 0) { throw .promptTooLong(tokens: prompt, limit: limit) }
        if request.stop.maxTokens < 0 {
            throw .invalidParameter(name: "max_tokens", got: "\(request.stop.maxTokens)", wanted: "0 or more")
        }
        if request.stop.maxTokens > limit - prompt {
            throw .tooManyTokens(prompt: prompt, wanted: request.stop.maxTokens, limit: limit)
        }
        if request.choices < 1 { throw .invalidParameter(name: "n", got: "\(request.choices)", wanted: "1 or more") }
        if request.choices > settings.maxBatch {
            throw .tooManyChoices(wanted: request.choices, limit: settings.maxBatch)
        }
        for token in request.prompt where token < 0 || Int(token) >= vocabSize {
            throw .tokenOutOfRange(token: token, vocabSize: vocabSize)
        }
        try request.sampling.validate(vocabSize: vocabSize)
        for token in request.sampling.logitBias.keys where !drawable.contains(token) {
            throw .invalidParameter(name: "logit_bias", got: "about token \(token)", wanted: "about tokens that the tokenizer has")
        }
        try request.scoring?.validate(request, width: width)
        try validateScopes(request)
    }

    /// An adapter that could act nowhere would leave the answer as it is without a word. What is only scored was asked for before, when
    /// nobody knew how long the answer would be: there only the tags must be known.
    private func validateScopes(_ request: GenerationRequest) throws(EngineError) {
        let rows = request.prompt.count + max(0, request.stop.maxTokens - 1)
        for adapter in request.adapters.applied {
            guard let scope = adapter.scope, scope != .all, request.scoring == nil || scope.isInsideThink && thinkTags == nil,
                let problem = scope.emptiness(prompt: request.prompt, rows: rows, tags: thinkTags)
            else { continue }
            throw .nothingInScope(adapter: adapter.name, scope: scope.description, problem: problem)
        }
    }
}

extension ThinkTags {
    /// The model's own; nil unless both are tokens of its vocabulary.
    init?(_ tokenizer: Tokenizer) {
        guard let open = tokenizer.id(of: Self.opening), let close = tokenizer.id(of: Self.closing) else { return nil }
        self.init(open: open, close: close)
    }
}

/// The events of one request, in order. Ends after every choice has finished.
package struct GenerationStream: AsyncSequence, Sendable {
    package typealias Element = GenerationEvent
    package typealias Failure = Never

    let events: AsyncStream<GenerationEvent>

    package func makeAsyncIterator() -> AsyncStream<GenerationEvent>.Iterator {
        events.makeAsyncIterator()
    }
}
