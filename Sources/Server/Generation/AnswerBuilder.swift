import Adapters
import Engine
import JSONText

/// Turns the events of a run into what the response holds: chunks as they come when the request streams, one object at the end when it
/// does not.
protocol AnswerBuilder: Sendable {
    var plan: GenerationPlan { get }
    var usage: Usage { get }

    /// - Returns: the chunks to send for this event; always empty when the request does not stream.
    mutating func take(_ event: GenerationEvent, prompt: Int) -> [JSON]
    /// The whole answer, for a request that does not stream. May ask the engine for more, in a task that ends when the client leaves.
    func response() async throws(APIError) -> JSON
    /// `object` of the chunks of a stream.
    var chunkObject: String { get }
}

extension AnswerBuilder {
    /// A chunk with one choice. `usage` is null in all chunks but the last when the request asked for usage.
    func chunk(_ choice: JSONObject, resa: JSONObject) -> JSON {
        var object = plan.head(chunkObject)
        object["choices"] = [.object(choice)]
        if plan.includesUsage { object["usage"] = .null }
        if !resa.isEmpty { object["resa"] = .object(resa) }
        return .object(object)
    }

    /// What the chunk that ends the last choice says of adapters: how well those that splice reconstruct.
    func finalFields(_ tally: SpliceTally) -> JSONObject {
        guard tally.isComplete, plan.applied.contains(where: { $0.mode == .splice }) else { return JSONObject() }
        return JSONObject([("applied", ResaFields.applied(plan.applied, splices: tally.splices))])
    }

    /// The last chunk of a stream whose request asked for usage.
    func usageChunk() -> JSON {
        var object = plan.head(chunkObject)
        object["choices"] = []
        object["usage"] = usage.json
        return .object(object)
    }

    static func finishReason(_ reason: FinishReport.Reason) -> JSON {
        // A cancelled choice is told only to a client that is still there: the server is shutting down.
        reason == .cancelled ? "abort" : .string(reason.rawValue)
    }

    /// vLLM's `stop_reason`: the stop string, or the token of `stop_token_ids`, that ended the choice; null for a natural end.
    static func stopReason(_ report: FinishReport) -> JSON {
        report.stopString.map { .string($0) } ?? report.stopToken.map { .int(Int($0)) } ?? .null
    }
}
