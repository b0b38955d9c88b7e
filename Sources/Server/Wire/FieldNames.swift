/// What a request calls its parts, for errors that come when they have been read.
struct FieldNames: Sendable {
    var prompt = "prompt"
    var maxTokens = "max_tokens"
    var adapters = AdapterChoice.field
}
