import Hummingbird

extension Endpoint {
    static let metrics = Endpoint(method: .get, path: "/metrics") { _, _, state in
        var page = PrometheusText()
        page.addServer(state.metrics.values, generations: state.drain.inFlight)
        page.addEngine(state.service)
        return Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType], body: .init(byteBuffer: ByteBuffer(string: page.text)))
    }
}

extension PrometheusText {
    fileprivate mutating func addServer(_ values: ServerMetrics.Values, generations: Int) {
        family(
            "resa_http_requests_total", "Requests answered.", "counter",
            values.requests.sorted { ($0.key.route, $0.key.method, $0.key.status) < ($1.key.route, $1.key.method, $1.key.status) }.map {
                ([("method", $0.key.method), ("route", $0.key.route), ("status", "\($0.key.status)")], Double($0.value))
            })
        histogram("resa_http_request_seconds", "Time to the response, or to the head of a stream.", values.requestSeconds)
        gauge("resa_http_requests_in_flight", "Requests whose response has not begun.", Double(values.inFlight))
        gauge("resa_generations_in_flight", "Generations that clients wait for.", Double(generations))
        counter("resa_hang_ups_total", "Generations whose client left before the end.", Double(values.hangUps))
        counter("resa_prompt_tokens_total", "Prompt tokens of finished requests.", Double(values.promptTokens))
        counter("resa_cached_prompt_tokens_total", "Prompt tokens found in the cache.", Double(values.cachedPromptTokens))
        counter("resa_completion_tokens_total", "Generated tokens of finished requests.", Double(values.completionTokens))
        histogram("resa_time_to_first_token_seconds", "From submission to the first token.", values.timeToFirstToken)
        histogram("resa_time_per_output_token_seconds", "Mean time between tokens of a request.", values.timePerOutputToken)
        family(
            "resa_adapter_requests_total", "Generations by adapter.", "counter",
            values.adapterRequests.sorted { $0.key < $1.key }.map { ([("adapter", $0.key)], Double($0.value)) })
    }

    fileprivate mutating func addEngine(_ service: any InferenceService) {
        let engine = service.statistics
        family("resa_model_info", "The served model.", "gauge", [([("model", service.modelName)], 1)])
        gauge("resa_engine_waiting_requests", "Requests waiting for a place.", Double(engine.waitingRequests))
        gauge("resa_engine_running_sequences", "Sequences in the batch.", Double(engine.runningSequences))
        gauge("resa_engine_kv_blocks_used", "Blocks of the KV cache in use.", Double(engine.kvBlocksUsed))
        gauge("resa_engine_kv_blocks", "Blocks of the KV cache.", Double(engine.kvBlocksTotal))
        counter("resa_engine_prompt_tokens_total", "Prompt tokens computed.", Double(engine.promptTokens))
        counter("resa_engine_generated_tokens_total", "Tokens generated.", Double(engine.generatedTokens))
        counter("resa_engine_finished_sequences_total", "Sequences ended.", Double(engine.finishedSequences))
        counter("resa_engine_cancelled_sequences_total", "Sequences ended by a client that left.", Double(engine.cancelledSequences))
        counter("resa_engine_steps_total", "Steps of the engine.", Double(engine.steps))
        counter("resa_engine_step_seconds_total", "Time spent in steps.", engine.stepSeconds)
    }
}
