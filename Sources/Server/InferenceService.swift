import AdapterRegistry
import Adapters
import Engine

/// The contract between HTTP and compute: all that the routes ask of the rooms below.
///
/// The served model implements it (`EngineService`); tests implement it with a script.
package protocol InferenceService: Sendable {
    /// The base model's name, as requests spell it.
    var modelName: String { get }
    /// Changes when the same request may get other tokens: model, weight format, version.
    var fingerprint: String { get }
    /// SHA-256 of the weights' files, as adapters' digests are written; nil where it is not known.
    var modelDigest: String? { get }
    /// Positions a sequence may have, prompt and answer.
    var contextLength: Int { get }
    var vocabSize: Int { get }
    /// Used where a request is silent.
    var defaultSampling: SamplingParameters { get }

    func encode(_ text: String, addSpecialTokens: Bool) -> [Int32]
    func decode(_ tokens: [Int32]) -> String
    /// The bytes a token stands for; several tokens may share one character.
    func bytes(of token: Int32) -> [UInt8]

    /// The prompt a chat becomes.
    /// - Throws: 400 when the model has no such template, or the template refuses the messages.
    func render(_ chat: ChatPrompt) throws(APIError) -> String

    /// Every adapter in the registry, broken ones too, by name.
    func adapters() async -> [AdapterSummary]
    /// The names of all adapters; when one of `likely` is known already, those that are known.
    func adapterNames(likely: [String]) async -> [String]
    /// Changes what is served; nil when nobody may.
    var keeper: AdapterKeeper? { get }
    /// What keeping adapters in memory has cost so far.
    var adapterStatistics: AdapterStatistics { get }
    /// Loads what is not loaded yet, and keeps the versions for one request.
    func resolve(_ selections: [AdapterSelection]) async throws(AdapterError) -> ResolvedAdapters

    /// Queues generations of one client, all or none. One ends early when the task that iterates its events is cancelled.
    func submit(together requests: [GenerationRequest]) throws(EngineError) -> [any AsyncSequence<GenerationEvent, Never> & Sendable]
    /// How likely each variant finds one answer; nil when the task was cancelled.
    func score(_ request: ScoreRequest) async throws(EngineError) -> [TextScore]?
    var statistics: EngineStatistics { get }
}

/// Adapters pinned for one request, and what the response says about them.
package struct ResolvedAdapters: Sendable {
    package let set: AdapterSet
    package let applied: [AppliedReport]
    /// What latents stand for, by the adapter's name.
    package let labels: [String: LatentLabels]

    package init(set: AdapterSet, applied: [AppliedReport], labels: [String: LatentLabels] = [:]) {
        self.set = set
        self.applied = applied
        self.labels = labels
    }

    static let none = ResolvedAdapters(set: .none, applied: [])
}
