import Checkpoints

extension Tokenizer {
    /// `tokenizer.ggml.model` `llama` and `gemma`: SentencePiece's BPE, which merges by scores.
    ///
    /// As llama.cpp has it, the space before a text (`add_space_prefix`) is also put before what follows a token that is matched as text.
    static func sentencePieceParts(_ metadata: GGUFTokenizerMetadata, model: String) throws(TokenizerError) -> Parts {
        let tokens = try metadata.tokens()
        let scores = try metadata.numbers("scores", count: tokens.count)
        guard let types = try metadata.integers("token_type", count: tokens.count) else {
            throw metadata.refuse("token_type", nil, wanted: "an array of integers")
        }
        if let map = metadata["precompiled_charsmap"], map != .ints([]) {
            throw .unsupported(part: "tokenizer.ggml.precompiled_charsmap", got: map.kind, supported: ["none"])
        }
        let addsSpace = metadata["add_space_prefix"]?.boolValue ?? (model == "llama")
        let removesSpaces = metadata["remove_extra_whitespaces"]?.boolValue ?? false
        let space = TokenDecoder.space
        let decoder = TokenDecoder.sentencePiece(strippedSpaces: removesSpaces ? 1 << 20 : addsSpace ? 1 : 0)
        var steps: [Normalizer.Step] = removesSpaces ? [.collapseSpaces] : []
        if addsSpace { steps.append(.prepend(space)) }
        steps.append(.replace([0x20], with: space))
        if removesSpaces { steps.append(.trimEnd(space)) }

        var added: [AddedTokens.Token] = []
        var normal: [Int32] = []
        var unknown: Int32?
        var names: [String?] = tokens
        for (id, type) in types.enumerated() {
            let (number, name) = (Int32(id), tokens[id])
            switch TokenType(rawValue: type) {
            case .normal: normal.append(number)
            case .unknown:
                unknown = unknown ?? number
                added.append(AddedTokens.Token(id: number, content: name, special: true))
            case .control: added.append(AddedTokens.Token(id: number, content: name, special: true))
            case .userDefined:
                // Looked for behind the normaliser, where their spaces are SentencePiece's, unless it puts one before them.
                let content = addsSpace || removesSpaces ? name.replacing("\u{2581}", with: " ") : name
                added.append(AddedTokens.Token(id: number, content: content, normalized: !addsSpace && !removesSpaces))
            // Ids that only fill the model's vocabulary up have made-up names, and stand for nothing.
            case .unused: names[id] = nil
            case .byte, nil: break
            }
        }
        let vocabulary = Vocabulary(
            names: names, added: added.map { ($0.id, $0.content) }, decoder: decoder)
        var encoder = BytePairEncoder(
            merges: ScoredMerges.table(vocabulary, ids: normal, scores: scores), byteTokens: vocabulary.byteTokens, unknownToken: unknown,
            fuseUnknown: true, ignoreMerges: false)
        encoder.characters = CharacterSymbols(vocabulary, byteFallback: true, unknownToken: unknown, fuseUnknown: true)

        let bos = try metadata.token("bos_token_id", among: tokens)
        let eos = try metadata.token("eos_token_id", among: tokens)
        var template = SequenceTemplate()
        if metadata["add_bos_token"]?.boolValue ?? true, let bos { template.prefix = [bos] }
        if metadata["add_eos_token"]?.boolValue ?? false, let eos { template.suffix = [eos] }
        return Parts(
            vocabulary: vocabulary, encoder: encoder, normalizer: Normalizer(steps: steps),
            preTokenizer: PreTokenizer(steps: [], isByteLevel: false),
            decoder: decoder, cuts: WordCuts(vocabulary, unknownToken: unknown),
            template: template, added: added, bos: bos.map { tokens[Int($0)] }, eos: eos.map { tokens[Int($0)] })
    }
}
