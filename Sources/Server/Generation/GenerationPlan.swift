import AdapterRegistry
import Adapters
import Engine
import Foundation
import JSONText

/// One validated request, ready to be submitted, and what every response to it repeats.
struct GenerationPlan: Sendable {
    let id: String
    let created: Int
    /// As the request named it.
    let model: String
    let fingerprint: String
    /// One per prompt, each with `choices` continuations.
    let requests: [GenerationRequest]
    let choices: Int
    let applied: [AppliedReport]
    var streams: Bool
    let includesUsage: Bool
    /// What latents stand for, by the adapter's name.
    var labels: [String: LatentLabels] = [:]
    var names = FieldNames()

    /// The fields every response object starts with.
    func head(_ object: String) -> JSONObject {
        JSONObject([
            ("id", .string(id)), ("object", .string(object)), ("created", .int(created)), ("model", .string(model)),
            ("system_fingerprint", .string(fingerprint)),
        ])
    }

    /// The choice's `index` in the response.
    func index(prompt: Int, choice: Int) -> Int { prompt * choices + choice }

    var choiceCount: Int { requests.count * choices }

    static func makeID(_ prefix: String) -> String {
        prefix + UUID().uuidString.replacing("-", with: "").lowercased()
    }
}
