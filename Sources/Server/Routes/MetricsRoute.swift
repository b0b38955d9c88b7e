import AdapterRegistry
import Engine
import Hummingbird

extension Endpoint {
    static let metrics = Endpoint(method: .get, path: "/metrics") { _, _, state in
        var page = PrometheusText()
        state.metrics.registry.print(into: &page)
        let counted = state.metrics.adapters.names
        if !counted.isEmpty { state.metrics.adapters.keep(Set(await state.adapterNames(likely: counted))) }
        state.metrics.adapters.print(into: &page)
        page.gauge("resa_generations_in_flight", "Generations that clients wait for.", Double(state.drain.inFlight))
        page.gauge("resa_request_memory_bytes", "Memory that requests under way take.", Double(state.memory.usedBytes))
        page.gauge("resa_request_memory_limit_bytes", "Memory that requests under way may take.", Double(state.memory.limit))
        let statistics = state.service.statistics
        page.head("resa_model_info", "The served model.", "gauge")
        page.sample("resa_model_info", [("model", state.service.model.name)], 1)
        page.addGauges(statistics.engine)
        page.addCounters(statistics.engine)
        page.addAdapters(statistics.adapters)
        return Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType], body: .init(byteBuffer: ByteBuffer(string: page.text)))
    }
}

extension PrometheusText {
    fileprivate mutating func addGauges(_ engine: EngineStatistics) {
        gauge("resa_engine_waiting_requests", "Requests waiting for a place.", engine.waitingRequests)
        gauge("resa_engine_clients", "Clients with requests that wait or run.", engine.clients)
        gauge("resa_engine_running_sequences", "Sequences in the batch.", engine.runningSequences)
        gauge("resa_engine_preempted_sequences", "Sequences that made room for others and wait to go on.", engine.preemptedSequences)
        gauge("resa_engine_batch_rows", "Tokens computed together in the last step.", engine.batchRows)
        gauge("resa_engine_kv_blocks", "Blocks of the KV cache.", engine.kvBlocksTotal)
        gauge("resa_engine_kv_blocks_used", "Blocks of the KV cache that sequences hold.", engine.kvBlocksUsed)
        gauge("resa_engine_kv_blocks_cached", "Blocks that nobody holds, kept as prefixes of later requests.", engine.kvBlocksCached)
        gauge("resa_engine_kv_blocks_free", "Blocks that hold nothing.", engine.kvBlocksFree)
        gauge("resa_engine_kv_block_tokens", "Tokens in a block.", engine.kvBlockTokens)
        gauge("resa_engine_residual_cache_bytes", "Bytes kept of layers that adapters share.", engine.residualCacheBytes)
        gauge("resa_engine_seconds_per_request", "Busy time between the ends of two requests, lately.", engine.secondsPerRequest)
    }

    fileprivate mutating func addCounters(_ engine: EngineStatistics) {
        counter("resa_engine_prompt_tokens_total", "Prompt tokens computed.", engine.promptTokens)
        counter("resa_engine_generated_tokens_total", "Tokens generated.", engine.generatedTokens)
        counter("resa_engine_recomputed_tokens_total", "Tokens computed again after making room.", engine.recomputedTokens)
        counter("resa_engine_prefix_query_tokens_total", "Prompt tokens looked up in the prefix cache.", engine.prefixQueryTokens)
        counter("resa_engine_prefix_hit_tokens_total", "Prompt tokens found in the prefix cache.", engine.prefixHitTokens)
        counter("resa_engine_kv_evictions_total", "Cached blocks given up for others.", engine.kvEvictions)
        counter(
            "resa_engine_residual_hit_tokens_total", "Prompt tokens that entered above layers another adapter's request had computed.",
            engine.residualHitTokens)
        counter("resa_engine_computed_layers_total", "Layers computed, summed over tokens.", engine.computedLayers)
        counter("resa_engine_spared_layers_total", "Layers that tokens entered above, summed over tokens.", engine.sparedLayers)
        counter("resa_engine_residual_evictions_total", "Entries of shared layers given up for others.", engine.residualEvictions)
        counter("resa_engine_preemptions_total", "Times a sequence made room for others.", engine.preemptions)
        counter("resa_engine_finished_requests_total", "Requests ended.", engine.finishedRequests)
        counter("resa_engine_finished_sequences_total", "Sequences ended.", engine.finishedSequences)
        counter("resa_engine_cancelled_sequences_total", "Sequences ended by a client that left.", engine.cancelledSequences)
        counter("resa_engine_steps_total", "Steps of the engine.", engine.steps)
        counter("resa_engine_rows_total", "Tokens computed in all steps.", engine.rows)
        counter("resa_engine_step_seconds_total", "Time spent in steps.", engine.stepSeconds)
    }

    fileprivate mutating func addAdapters(_ adapters: AdapterStatistics) {
        gauge("resa_adapters_loaded", "Adapters in memory, a hookpoint of an SAE each.", adapters.loaded)
        gauge("resa_adapters_loading", "Adapters on their way into memory.", adapters.loading)
        gauge("resa_adapters_pinned", "Adapters in memory that stay.", adapters.pinned)
        gauge("resa_adapter_uses", "Uses of adapters by requests in flight.", adapters.uses)
        gauge("resa_adapter_memory_bytes", "Memory that adapters take, or are about to.", adapters.bytes)
        gauge("resa_adapter_memory_used_bytes", "Of it, what requests in flight use.", adapters.usedBytes)
        gauge("resa_adapter_memory_pinned_bytes", "Of it, what stays.", adapters.pinnedBytes)
        gauge("resa_adapter_memory_limit_bytes", "Memory that adapters may take.", adapters.limit)
        counter("resa_adapter_loads_total", "Adapters loaded.", adapters.loads)
        counter("resa_adapter_load_failures_total", "Loads that failed.", adapters.loadFailures)
        counter("resa_adapter_loaded_bytes_total", "Memory taken by loads.", adapters.loadedBytes)
        counter("resa_adapter_load_seconds_total", "Time from asking for adapters to having them.", adapters.loadSeconds)
        counter("resa_adapter_evictions_total", "Adapters evicted to make room.", adapters.evictions)
        counter("resa_adapter_evicted_bytes_total", "Memory given up by evictions.", adapters.evictedBytes)
        counter("resa_adapter_refusals_total", "Requests turned away because adapters had no room.", adapters.refusals)
    }

    private mutating func gauge(_ name: String, _ help: String, _ value: Int) { gauge(name, help, Double(value)) }
    private mutating func counter(_ name: String, _ help: String, _ value: Int) { counter(name, help, Double(value)) }
}
