import Curl
import Foundation

/// Runs a scenario against a server.
package struct LoadTest: Sendable {
    private let scenario: Scenario
    /// Numbers of warm-up requests start here, out of the way of those that are measured.
    private static let warmupIndex = 1 << 32

    /// - Throws: `LoadTestError.invalidSetting`.
    package init(_ scenario: Scenario) throws(LoadTestError) {
        try scenario.validate()
        self.scenario = scenario
    }

    /// Runs warm-up and test. Cancelling the task ends the run early; what was measured until then is reported.
    /// - Parameter progress: called a few times a second.
    /// - Throws: `LoadTestError` when the server cannot be used at all, `CancellationError` when cancelled before anything was measured.
    ///   Single requests that fail are part of the report; see `Report.check`.
    package func run(progress: @escaping @Sendable (RunProgress) -> Void = { _ in }) async throws -> Report {
        // One thread: it handles some 100,000 pieces of text a second, and the rest of the machine belongs to the server.
        let client = CurlClient(connections: connections, authorities: scenario.authorities)
        let result: Result<Report, any Error>
        do {
            result = .success(try await run(client, progress))
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        return try result.get()
    }

    private var connections: Int {
        if case .closed(let clients) = scenario.arrivals { clients } else { scenario.maxInFlight ?? 65_536 }
    }

    private func run(_ client: CurlClient, _ progress: @escaping @Sendable (RunProgress) -> Void) async throws -> Report {
        let server = try OpenAIServer(url: scenario.url, apiKey: scenario.apiKey, client: client)
        let url = server.root + scenario.endpoint.path
        progress(RunProgress(phase: .preparing))
        let model = try await chooseModel(server)
        let prompts = try await makePrompts(server, model: model)
        let planner = RequestPlanner(scenario: scenario, model: model, prompts: prompts, headers: server.headers)

        if scenario.warmupRequests > 0 {
            let warmup = RequestLoop(
                scenario: scenario, planner: planner, client: client, url: url, firstIndex: Self.warmupIndex,
                maxRequests: scenario.warmupRequests, maxDuration: nil)
            _ = await watched(warmup, .warmingUp, progress)
            try Task.checkCancellation()
        }
        let date = Date()
        let loop = RequestLoop(
            scenario: scenario, planner: planner, client: client, url: url, maxRequests: scenario.maxRequests,
            maxDuration: scenario.maxDuration)
        let (measurements, ending) = await watched(loop, .measuring, progress)
        return Report(
            scenario: ScenarioSummary(scenario, root: server.root, model: model, prompts: prompts, date: date), measurements: measurements,
            adapters: scenario.adapters, ending: ending)
    }

    private func chooseModel(_ server: OpenAIServer) async throws -> String {
        do {
            let models = try await server.models()
            if let model = scenario.model ?? models.first?.name { return model }
            throw LoadTestError.noModel(url: server.root, reason: "its list of models is empty")
        } catch LoadTestError.refused(_, let status, let message) {
            // A server may do without a list of models; a model that was named can be asked all the same.
            if let model = scenario.model { return model }
            throw LoadTestError.noModel(url: server.root, reason: "/v1/models answers \(status): \(message)")
        }
    }

    private func makePrompts(_ server: OpenAIServer, model: String) async throws -> PromptMaker {
        let needsTokenizer: Bool
        if case .generated = scenario.prompts { needsTokenizer = true } else { needsTokenizer = scenario.prefixTokens > 0 }
        let hasTokenizer = needsTokenizer ? try await server.countTokens("the", model: model) != nil : false
        let count: (String) async throws -> Int = { text in
            guard let tokens = try await server.countTokens(text, model: model) else {
                throw LoadTestError.refused(url: server.root + "/tokenize", status: 0, message: "it stopped answering")
            }
            return tokens
        }
        return try await PromptMaker(
            source: scenario.prompts, prefixTokens: scenario.prefixTokens, prefixes: scenario.prefixes, seed: scenario.seed,
            count: hasTokenizer ? count : nil)
    }

    private func watched(
        _ loop: RequestLoop, _ phase: RunProgress.Phase, _ progress: @escaping @Sendable (RunProgress) -> Void
    ) async -> (measurements: Measurements, ending: RunEnding) {
        let watcher = Task {
            while !Task.isCancelled {
                progress(loop.progress(phase))
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
        let result = await loop.run()
        watcher.cancel()
        await watcher.value
        return result
    }
}
