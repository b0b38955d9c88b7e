import JSONText

/// A value of `tokenizer.json`, or of the files beside it.
typealias TokenizerField = JSONField<TokenizerError>

extension JSONField<TokenizerError> {
    init(_ value: JSON?, at path: String) {
        self.init(value, at: path) { .malformed(path: $0, got: $1, wanted: $2) }
    }

    /// `type`, which says what kind of part this is.
    var kind: String {
        get throws(TokenizerError) { try child("type").string }
    }

    /// Older files leave a model's `type` out.
    func requireKind(_ wanted: String, of supported: [String]) throws(TokenizerError) {
        let kind = try string("type") ?? wanted
        if kind != wanted { throw .unsupported(part: path("type"), got: kind, supported: supported) }
    }
}
