/// Why a tokenizer could not be made from a file.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// A part of the tokenizer is of a kind that is not implemented; running without it would give other tokens.
    case unsupported(part: String, got: String, supported: [String])
    /// A value is missing, of the wrong type or out of range. `path` says where, as in `model.merges[17]`.
    case malformed(path: String, got: String, wanted: String)
    /// A regular expression that does not compile.
    case pattern(String, reason: String)
    /// The checkpoint holds no tokenizer at all.
    case noTokenizer(String)

    package var description: String {
        switch self {
        case .unsupported(let part, let got, let supported):
            "tokenizer: \(part) \(got) is not supported; supported: \(supported.joined(separator: ", "))"
        case .malformed(let path, let got, let wanted):
            "tokenizer: \(path): got \(got), wanted \(wanted)"
        case .pattern(let pattern, let reason):
            "tokenizer: the pattern \(pattern.debugDescription) cannot be used: \(reason)"
        case .noTokenizer(let place):
            "tokenizer: \(place) has no tokenizer; a Hugging Face folder needs tokenizer.json, a GGUF file tokenizer.ggml.tokens"
        }
    }
}
