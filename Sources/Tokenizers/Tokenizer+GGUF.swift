import Checkpoints

extension Tokenizer {
    /// What `tokenizer.ggml.token_type` says of a token.
    private enum TokenType: Int64 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// The tokenizer inside a GGUF file.
    /// - Throws: `TokenizerError`; unsupported models and pre-tokenisers are refused by name.
    package convenience init(gguf file: GGUFFile) throws(TokenizerError) {
        let metadata = GGUFTokenizerMetadata(values: file.metadata)
        guard let model = metadata["model"]?.stringValue else { throw .noTokenizer(file.path) }
        guard model == "gpt2" else { throw .unsupported(part: "tokenizer.ggml.model", got: model, supported: ["gpt2"]) }
        let tokens = try metadata.strings("tokens")
        guard tokens.count <= Vocabulary.maximumID else {
            throw .malformed(path: "tokenizer.ggml.tokens", got: "\(tokens.count) tokens", wanted: "at most \(Vocabulary.maximumID)")
        }
        let types = try metadata.integers("token_type", count: tokens.count)
        let scheme = try GGUFPreTokenizer(name: metadata["pre"]?.stringValue)

        var added: [AddedTokens.Token] = []
        for (id, type) in (types ?? []).enumerated() {
            switch TokenType(rawValue: type) {
            case .control: added.append(AddedTokens.Token(id: Int32(id), content: tokens[id], special: true))
            case .userDefined: added.append(AddedTokens.Token(id: Int32(id), content: tokens[id]))
            default: break
            }
        }
        // Ids that only fill the model's vocabulary up have made-up names, and stand for nothing.
        let names = tokens.enumerated().map { id, name in types?[id] == TokenType.unused.rawValue ? nil : name }
        let vocabulary = Vocabulary(names: names, added: added.map { ($0.id, $0.content) })
        let merges = try metadata.strings("merges")
        var reader = MergeReader(vocabulary, capacity: merges.count)
        for merge in merges { try reader.add(merge, path: "tokenizer.ggml.merges") }

        let bos = try metadata.token("bos_token_id", among: tokens)
        let eos = try metadata.token("eos_token_id", among: tokens)
        var template = SequenceTemplate()
        if metadata["add_bos_token"]?.boolValue ?? scheme.addsBOS, let bos { template.prefix = [bos] }
        if metadata["add_eos_token"]?.boolValue ?? false, let eos { template.suffix = [eos] }
        self.init(
            Parts(
                vocabulary: vocabulary,
                encoder: BytePairEncoder(
                    merges: reader.table, byteTokens: vocabulary.byteTokens, unknownToken: nil, fuseUnknown: false,
                    ignoreMerges: scheme.ignoresMerges),
                normalizer: scheme.normalizer, preTokenizer: PreTokenizer(steps: scheme.steps), template: template, added: added,
                bos: bos.map { tokens[Int($0)] }, eos: eos.map { tokens[Int($0)] }))
    }
}

/// The `tokenizer.ggml.*` keys, with errors that name them.
private struct GGUFTokenizerMetadata {
    let values: [String: GGUFValue]

    subscript(key: String) -> GGUFValue? { values["tokenizer.ggml.\(key)"] }

    private func refuse(_ key: String, _ value: GGUFValue?, wanted: String) -> TokenizerError {
        .malformed(path: "tokenizer.ggml.\(key)", got: value?.kind ?? "nothing", wanted: wanted)
    }

    func strings(_ key: String) throws(TokenizerError) -> [String] {
        guard let strings = self[key]?.stringsValue else { throw refuse(key, self[key], wanted: "an array of strings") }
        return strings
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
