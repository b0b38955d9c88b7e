/// Why a chat does not become a prompt.
package enum ChatError: Error, Sendable, Equatable {
    /// The model has no chat template.
    case noTemplate
    /// The model's template cannot be parsed.
    case unusable(reason: String)
    /// Of several templates none is meant where the request names none.
    case noDefault(reason: String)
    /// The request names a template that is not one of the model's.
    case unknownTemplate(names: [String])
    /// The template refuses the messages.
    case refused(reason: String)
    /// The template does not show the last message as it is.
    case notContinued(reason: String)
}
