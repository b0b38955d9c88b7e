import Engine
import HTTPTypes
import Hummingbird
import JSONText
import Synchronization

/// Runs a plan and answers with what its builder makes of it, streamed or whole.
struct GenerationResponder {
    let state: ServerState
    let context: ServerRequestContext

    func respond(_ plan: GenerationPlan, _ answer: some AnswerBuilder) async throws -> Response {
        try context.share?.resize(to: MemoryCost.reports(plan))
        let run = try start(plan)
        let hangUp = await context.hangUpSignal()
        let listener = hangUp?.listen {
            state.metrics.hangUps.increment()
            run.cancel()
        }
        let ticket: Int
        do {
            ticket = try state.drain.enter { run.cancel() }
        } catch {
            run.cancel()
            throw error
        }
        let end: @Sendable () -> Void = {
            if let listener { hangUp?.remove(listener) }
            run.cancel()
            state.drain.leave(ticket)
        }
        var headers: HTTPFields = [:]
        headers[ResaFields.appliedHeader] = ResaFields.header(plan.applied)
        for adapter in Set(plan.applied.map(\.name)) { state.metrics.adapters.add(adapter) }
        guard plan.streams else {
            defer { end() }
            return try await state.lanes.run(MemoryCost.reports(plan)) {
                .json(try await collect(run, answer), headers: headers)
            }
        }
        for field in SSEWriter.headers { headers[field.name] = field.value }
        let guardian = EndGuard(end)
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                defer { guardian.end() }
                try await state.lanes.run(MemoryCost.promptReports(plan)) { try await stream(run, answer, into: &writer) }
                try await writer.finish(nil)
            })
    }

    private func start(_ plan: GenerationPlan) throws(APIError) -> GenerationRun {
        if state.drain.isDraining { throw .draining }
        do {
            return try GenerationRun.start(
                plan.requests, on: state.service, backlog: plan.streams ? context.share.map(EventBacklog.init) : nil)
        } catch {
            throw apiError(error, plan)
        }
    }

    func apiError(_ error: EngineError, _ plan: GenerationPlan) -> APIError {
        APIError(error, names: plan.names, settings: state.settings, waitSeconds: state.service.statistics.engine.estimatedWaitSeconds)
    }

    private func collect(_ run: GenerationRun, _ answer: some AnswerBuilder) async throws(APIError) -> JSON {
        var answer = answer
        var progress = GenerationProgress(choices: answer.plan.choiceCount, metrics: state.metrics)
        for await item in run.events {
            if case .failed(let error) = item.event { throw apiError(error, answer.plan) }
            progress.take(item.event)
            _ = answer.take(item.event, prompt: item.prompt)
        }
        guard progress.isComplete else { throw interrupted }
        progress.record(answer.usage)
        let complete = answer
        let response: Result<JSON, APIError> = await run.afterwards {
            do throws(APIError) { return .success(try await complete.response()) } catch { return .failure(error) }
        }
        return try response.get()
    }

    private func stream(_ run: GenerationRun, _ answer: some AnswerBuilder, into writer: inout any ResponseBodyWriter) async throws {
        var answer = answer
        var progress = GenerationProgress(choices: answer.plan.choiceCount, metrics: state.metrics)
        for await item in run.events {
            run.backlog?.remove(item.event)
            if case .failed(let error) = item.event {
                try await writer.write(SSEWriter.event(apiError(error, answer.plan).json))
                return
            }
            progress.take(item.event)
            let chunks = answer.take(item.event, prompt: item.prompt)
            guard !chunks.isEmpty else { continue }
            try await writer.write(contentsOf: chunks.map(SSEWriter.event))
        }
        guard progress.isComplete else {
            try await writer.write(SSEWriter.event((run.backlog?.isFull == true ? APIError.readTooSlowly : interrupted).json))
            return
        }
        progress.record(answer.usage)
        if answer.plan.includesUsage { try await writer.write(SSEWriter.event(answer.usageChunk())) }
        try await writer.write(SSEWriter.done)
    }

    /// The run was cancelled: the time to drain was up, or the client has gone and nobody will read this.
    private var interrupted: APIError {
        state.drain.isDraining ? .draining : .clientLeft
    }
}

/// Ends a streamed generation exactly once: when its body was written, or when the response is dropped unwritten (a client that left
/// before the head was sent).
private final class EndGuard: Sendable {
    private let action: @Sendable () -> Void
    private let hasEnded = Atomic<Bool>(false)

    init(_ action: @escaping @Sendable () -> Void) {
        self.action = action
    }

    func end() {
        if !hasEnded.exchange(true, ordering: .relaxed) { action() }
    }

    deinit { end() }
}
