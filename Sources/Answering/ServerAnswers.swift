import AdapterRegistry
import Evaluation
import Foundation
import JSONText
import LoadTest

/// Answers of a running server.
package struct ServerAnswers: ComparableSource {
    package let model: String
    package let settings: [(name: String, value: String)]
    /// A server says what it applied with each answer.
    package let applied: [(arm: String, applied: String)] = []
    private let client: ChatClient
    /// The header `Resa-Adapters` by arm.
    private let headers: [String: String]
    private let prompt: PromptStyle
    private let sampling: AnswerSampling
    /// Of the base model; nil from servers that do not say.
    private let fingerprint: String?
    /// One answer of 32,768 tokens can take long on a busy machine.
    private static let timeout = Duration.seconds(24 * 3600)

    package init(
        url: String, apiKey: String?, authorities: String?, model: String?, variants: [Variant], prompt: PromptStyle,
        sampling: AnswerSampling, connections: Int
    ) async throws {
        let environment = ProcessInfo.processInfo.environment
        let key = [apiKey, environment["OPENAI_API_KEY"], environment["RESA_API_KEY"]].compactMap { $0 }.first { !$0.isEmpty }
        let client = try ChatClient(url: url, apiKey: key, authorities: authorities, connections: connections)
        let base: ModelCard?
        do {
            let models = try await client.models()
            guard let name = model ?? models.first?.name else { throw AnsweringError.noModel(server: "\(client.root)") }
            self.model = name
            // An adapter answers as a model of its own; what tells the weights apart is its base's.
            let root = (models.first { $0.name == name } ?? models.first)?.root
            base = models.first { $0.name == root }
        } catch {
            await client.shutdown()
            throw error
        }
        self.client = client
        headers = Dictionary(variants.filter { !$0.selections.isEmpty }.map { ($0.arm.name, $0.selections.headerText) }) { first, _ in first
        }
        (self.prompt, self.sampling) = (prompt, sampling)
        var settings: [(name: String, value: String)] = [("model", self.model), ("prompt", prompt.summary)]
        settings += sampling.settings
        fingerprint = base?.fingerprint
        if let digest = base?.digest { settings.append(("model digest", digest)) }
        if let fingerprint { settings.append(("fingerprint", fingerprint)) }
        self.settings = settings
    }

    package func finish() async { await client.shutdown() }

    package func answer(_ question: Question) async throws -> ModelAnswer {
        var body = sampling.fields
        body["model"] = .string(model)
        body["seed"] = .int(Int(question.seed))
        let path: String
        switch prompt.prompt(for: question.problem.question) {
        case .text(let text):
            path = "/v1/completions"
            body["prompt"] = .string(text)
        case .chat(let system, let user):
            path = "/v1/chat/completions"
            var messages: [JSON] = [["role": "user", "content": .string(user)]]
            if let system { messages.insert(["role": "system", "content": .string(system)], at: 0) }
            body["messages"] = .array(messages)
        }
        let header = headers[question.arm.name]
        let reply = try await client.ask(path, body: .object(body), adapters: header, timeout: Self.timeout)
        if header != nil, reply.applied == nil {
            throw AnsweringError.notApplied(arm: question.arm.name)
        }
        if let fingerprint, let other = reply.fingerprint, other != fingerprint {
            throw EvaluationError.modelChanged(was: fingerprint, now: other)
        }
        return ModelAnswer(text: reply.text, finish: reply.finishReason, tokens: reply.completionTokens, applied: reply.applied)
    }
}
