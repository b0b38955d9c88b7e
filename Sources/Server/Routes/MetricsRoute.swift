import Hummingbird

extension Endpoint {
    static let metrics = Endpoint(method: .get, path: "/metrics") { _, _, state in
        var page = PrometheusText()
        state.metrics.registry.print(into: &page)
        page.gauge("resa_generations_in_flight", "Generations that clients wait for.", Double(state.drain.inFlight))
        page.addEngine(state.service)
        return Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType], body: .init(byteBuffer: ByteBuffer(string: page.text)))
    }
}

extension PrometheusText {
    fileprivate mutating func addEngine(_ service: any InferenceService) {
        let engine = service.statistics
        head("resa_model_info", "The served model.", "gauge")
        sample("resa_model_info", [("model", service.modelName)], 1)
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
