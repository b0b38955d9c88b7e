import AdapterRegistry
import Adapters
import Engine

/// The contract between HTTP and compute: all that the routes ask of the rooms below. It knows nothing of HTTP; `ErrorMapping` says what its errors
/// are there.
///
/// The served model implements it (`EngineService`); tests implement it with a script.
package protocol InferenceService: Sendable {
    var model: ServedModel { get }

    func encode(_ text: String, addSpecialTokens: Bool) -> [Int32]
    func decode(_ tokens: [Int32]) -> String
    /// The bytes a token stands for; several tokens may share one character.
    func bytes(of token: Int32) -> [UInt8]
    /// The prompt a chat becomes.
    func render(_ chat: ChatPrompt) throws(ChatError) -> String

    /// Every adapter in the registry, broken ones too, by name.
    /// - Parameter looksAgain: whether to look for those that came, changed or went since somebody last looked.
    func adapters(looksAgain: Bool) async -> [AdapterSummary]
    /// Loads what is not loaded yet, and keeps the versions for one request.
    func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> ResolvedAdapters
    /// Changes what is served; not asked unless `model.adaptersMayChange`.
    /// - Returns: the adapter as it is then; nil when its name is gone.
    func change(_ change: AdapterChange) async throws(AdapterChangeError) -> AdapterSummary?

    /// Queues generations of one client, all or none. One ends early when the task that iterates its events is cancelled.
    func submit(together requests: [GenerationRequest]) throws(EngineError) -> [any AsyncSequence<GenerationEvent, Never> & Sendable]
    /// How likely each variant finds one answer; nil when the task was cancelled.
    func score(_ request: ScoreRequest) async throws(EngineError) -> [TextScore]?
    var statistics: ServiceStatistics { get }
}

/// What stays as it is while it is served.
package struct ServedModel: Sendable {
    /// The base model's name, as requests spell it.
    package var name: String
    /// Changes when the same request may get other tokens: model, weight format, version.
    package var fingerprint: String
    /// SHA-256 of the weights' files, as adapters' digests are written; nil where it is not known.
    package var digest: String?
    /// Positions a sequence may have, prompt and answer.
    package var contextLength: Int
    package var vocabSize: Int
    /// Used where a request is silent.
    package var sampling = SamplingParameters()
    /// Whether requests may change the adapters.
    package var adaptersMayChange = false
}

package struct ServiceStatistics: Sendable {
    package var engine: EngineStatistics
    /// What keeping adapters in memory has cost so far.
    package var adapters: AdapterStatistics
}

/// Adapters pinned for one request, and what the response says about them.
package struct ResolvedAdapters: Sendable {
    package var set = AdapterSet.none
    package var applied: [AppliedReport] = []
    /// What latents stand for, by the adapter's name.
    package var labels: [String: LatentLabels] = [:]

    static let none = ResolvedAdapters()
}
