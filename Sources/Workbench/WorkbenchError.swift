/// What a model lacks for the work that is asked for.
package enum WorkbenchError: Error, Equatable, CustomStringConvertible {
    case noChatTemplate(model: String?, advice: String)
    case unusableChatTemplate(model: String?, reason: String, advice: String?)
    case noEndOfSequence
    case chunksTooLong(length: Int, limit: Int)

    package var description: String {
        switch self {
        case .noChatTemplate(let model, let advice): "\(model ?? "the model") has no chat template; \(advice)"
        case .unusableChatTemplate(let model, let reason, let advice):
            (model.map { "the chat template of \($0)" } ?? "the model's chat template") + " cannot be used: \(reason)"
                + (advice.map { "; \($0)" } ?? "")
        case .noEndOfSequence: "the model names no end-of-sequence token to join rows with"
        case .chunksTooLong(let length, let limit): "--length is \(length), but the model was trained for contexts of \(limit)"
        }
    }
}
