import Checkpoints

/// The `tokenizer.ggml.*` keys, with errors that name them.
struct GGUFTokenizerMetadata {
    let values: [String: GGUFValue]

    subscript(key: String) -> GGUFValue? { values["tokenizer.ggml.\(key)"] }

    func refuse(_ key: String, _ value: GGUFValue?, wanted: String) -> TokenizerError {
        .malformed(path: "tokenizer.ggml.\(key)", got: value?.kind ?? "nothing", wanted: wanted)
    }

    func strings(_ key: String) throws(TokenizerError) -> [String] {
        guard let strings = self[key]?.stringsValue else { throw refuse(key, self[key], wanted: "an array of strings") }
        return strings
    }

    /// The names of the tokens, by id.
    func tokens() throws(TokenizerError) -> [String] {
        let tokens = try strings("tokens")
        guard tokens.count <= Vocabulary.maximumID else {
            throw .malformed(path: "tokenizer.ggml.tokens", got: "\(tokens.count) tokens", wanted: "at most \(Vocabulary.maximumID)")
        }
        return tokens
    }

    func numbers(_ key: String, count: Int) throws(TokenizerError) -> [Double] {
        guard let numbers = self[key]?.doublesValue, numbers.count == count, numbers.allSatisfy(\.isFinite) else {
            throw refuse(key, self[key], wanted: "an array of \(count) finite numbers, one for each token")
        }
        return numbers
    }

    /// Nil when absent.
    func integers(_ key: String, count: Int) throws(TokenizerError) -> [Int64]? {
        guard let value = self[key] else { return nil }
        guard let integers = value.intsValue, integers.count == count else {
            throw refuse(key, value, wanted: "an array of \(count) integers, one for each token")
        }
        return integers
    }

    /// A token id; nil when absent.
    func token(_ key: String, among tokens: [String]) throws(TokenizerError) -> Int32? {
        guard let value = self[key] else { return nil }
        guard let id = value.intValue, tokens.indices.contains(id) else {
            throw refuse(key, value, wanted: "a token id below \(tokens.count)")
        }
        return Int32(id)
    }
}
