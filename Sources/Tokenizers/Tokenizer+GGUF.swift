import Checkpoints

extension Tokenizer {
    /// What `tokenizer.ggml.token_type` says of a token.
    enum TokenType: Int64 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// The tokenizer inside a GGUF file.
    /// - Throws: `TokenizerError`; unsupported models and pre-tokenisers are refused by name.
    package convenience init(gguf file: GGUFFile) throws(TokenizerError) {
        let metadata = GGUFTokenizerMetadata(values: file.metadata)
        guard let model = metadata["model"]?.stringValue else { throw .noTokenizer(file.path) }
        switch model {
        case "gpt2": self.init(try Self.byteLevelParts(metadata))
        case "llama", "gemma": self.init(try Self.sentencePieceParts(metadata, model: model))
        case let other: throw .unsupported(part: "tokenizer.ggml.model", got: other, supported: ["gpt2", "llama", "gemma"])
        }
    }

    /// `tokenizer.ggml.model` `gpt2`: byte-level, with a list of merges.
    private static func byteLevelParts(_ metadata: GGUFTokenizerMetadata) throws(TokenizerError) -> Parts {
        let tokens = try metadata.tokens()
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
        return Parts(
            vocabulary: vocabulary,
            encoder: BytePairEncoder(
                merges: reader.table, byteTokens: vocabulary.byteTokens, unknownToken: nil, fuseUnknown: false,
                ignoreMerges: scheme.ignoresMerges),
            normalizer: scheme.normalizer, preTokenizer: PreTokenizer(steps: scheme.steps), template: template, added: added,
            bos: bos.map { tokens[Int($0)] }, eos: eos.map { tokens[Int($0)] })
    }
}
