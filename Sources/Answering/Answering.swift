// Answering: where the answers of an evaluation come from: an engine in this process, or a running server.
// It knows nothing about grading, and nothing about options.

import AdapterRegistry
import Evaluation
import JSONText

/// Answers with what must stay the same for them to be comparable.
package protocol ComparableSource: AnswerSource {
    /// What the model is called.
    var model: String { get }
    var settings: [(name: String, value: String)] { get }
    /// What is applied by arm, as far as it is known beforehand.
    var applied: [(arm: String, applied: String)] { get }
    /// Ends what was opened for it.
    func finish() async
}

/// One arm with the adapters it asks for.
package struct Variant: Sendable {
    package let arm: Arm
    /// None for the bare model.
    package let selections: [AdapterSelection]

    package init(arm: Arm, selections: [AdapterSelection] = []) { (self.arm, self.selections) = (arm, selections) }
}

/// What every answer is drawn with.
package struct AnswerSampling: Sendable {
    package let temperature: Double
    package let topP: Double
    package let maxTokens: Int

    package init(temperature: Double, topP: Double, maxTokens: Int) {
        (self.temperature, self.topP, self.maxTokens) = (temperature, topP, maxTokens)
    }

    /// Fields of a request. Those that servers take from the checkpoint's recommendation when a request is silent are said too: in this process
    /// there is nothing but temperature and top-p.
    var fields: JSONObject {
        [
            "temperature": .double(temperature), "top_p": .double(topP), "max_tokens": .int(maxTokens), "top_k": -1, "min_p": 0,
            "repetition_penalty": 1,
        ]
    }

    var settings: [(name: String, value: String)] {
        [("temperature", "\(temperature)"), ("top_p", "\(topP)"), ("max_tokens", "\(maxTokens)")]
    }
}

/// Why a source cannot answer.
package enum AnsweringError: Error, Equatable, CustomStringConvertible {
    case noModel(server: String)
    case notApplied(arm: String)

    package var description: String {
        switch self {
        case .noModel(let server): "\(server) lists no model; give --served"
        case .notApplied(let arm): "the server does not say that it applied '\(arm)' (no header Resa-Applied)"
        }
    }
}
