import Adapters
import Engine
import JSONText

/// Builds the answer of `POST /v1/features`: what was read at each token of a text.
struct FeaturesAnswer: AnswerBuilder {
    let plan: GenerationPlan
    let chunkObject = "resa.features"
    private(set) var usage = Usage()
    private let bytes: @Sendable (Int32) -> [UInt8]
    private var observations: [JSON] = []
    private var splices: [SpliceQuality] = []

    init(_ plan: GenerationPlan, bytes: @escaping @Sendable (Int32) -> [UInt8]) {
        self.plan = plan
        self.bytes = bytes
    }

    mutating func take(_ event: GenerationEvent, prompt: Int) -> [JSON] {
        if case .finished(let report) = event { splices = report.splices }
        if case .prompt(let report) = event {
            usage.promptTokens += report.tokens
            usage.cachedTokens += report.cachedTokens
            observations = ObservationFields.json(report.observations, bytes: bytes, labels: plan.labels)
        }
        return []
    }

    func response() -> JSON {
        var object = plan.head(chunkObject)
        object["data"] = .array(observations)
        object["usage"] = usage.json
        object["resa"] = ["applied": ResaFields.applied(plan.applied, splices: splices)]
        return .object(object)
    }
}
