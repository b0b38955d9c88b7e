/// Why a request was not accepted, or ended early.
package enum EngineError: Error, Equatable, CustomStringConvertible {
    case promptEmpty
    case promptTooLong(tokens: Int, limit: Int)
    case tooManyTokens(prompt: Int, wanted: Int, limit: Int)
    case tooManyChoices(wanted: Int, limit: Int)
    case tokenOutOfRange(token: Int32, vocabSize: Int)
    /// An adapter that is for none of the tokens the request can have.
    case nothingInScope(adapter: String, scope: String, problem: String)
    case invalidParameter(name: String, got: String, wanted: String)
    case queueFull(limit: Int)
    case clientQueueFull(limit: Int)
    case shuttingDown
    /// What the model computed at a position is no number any more, so there is no next token.
    case notFinite(position: Int, adapters: [String])

    package var description: String {
        switch self {
        case .promptEmpty:
            "the prompt has no tokens; send at least one"
        case .promptTooLong(let tokens, let limit):
            "the prompt has \(tokens) tokens, but the context holds \(limit); shorten it or start the server with a larger --context"
        case .tooManyTokens(let prompt, let wanted, let limit):
            "\(prompt) prompt tokens and \(wanted) to generate are more than the context of \(limit); ask for at most \(limit - prompt)"
        case .tooManyChoices(let wanted, let limit):
            "\(wanted) choices were asked for, but the batch holds \(limit); ask for fewer or start the server with a larger --max-batch"
        case .tokenOutOfRange(let token, let vocabSize):
            "token \(token) is not in the vocabulary; ids run from 0 to \(vocabSize - 1)"
        case .nothingInScope(let adapter, let scope, let problem):
            "adapter '\(adapter)': no token of this request is in its scope (\(scope)): \(problem)"
        case .invalidParameter(let name, let got, let wanted):
            "\(name) is \(got), but must be \(wanted)"
        case .queueFull(let limit):
            "\(limit) requests are already waiting; try again later"
        case .clientQueueFull(let limit):
            "\(limit) requests of this client are already waiting; try again later"
        case .shuttingDown:
            "the server is shutting down"
        case .notFinite(let position, let adapters):
            "what the model computed at token \(position) of the text (the first is 0) is infinite or no number, so there is no answer"
                + (adapters.isEmpty
                    ? "; the model's weights may be damaged"
                    : "; ask for a smaller scale, or smaller values of edits, of \(adapters.joined(separator: ", "))")
        }
    }
}
