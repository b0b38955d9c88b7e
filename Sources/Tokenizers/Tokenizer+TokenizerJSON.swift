import Checkpoints
import Foundation
import JSONText

extension Tokenizer {
    /// The tokenizer that a `tokenizer.json` describes.
    /// - Parameter declared: what the files beside it say of tokens.
    /// - Throws: `TokenizerError`; kinds that are not implemented are refused by name. `JSONError` when the text is no JSON.
    package convenience init(tokenizerJSON data: Data, declared: DeclaredTokenFiles = DeclaredTokenFiles()) throws {
        try self.init(json: JSON(parsing: data), declared: declared)
    }

    convenience init(json: JSON, declared files: DeclaredTokenFiles) throws {
        let model = TokenizerField(json, at: "").child("model")
        try model.requireKind("BPE", of: ["BPE"])
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = try model.string(key), !affix.isEmpty {
                throw TokenizerError.unsupported(part: "model.\(key)", got: affix.debugDescription, supported: ["none"])
            }
        }
        if let dropout = model.child("dropout").value.double, dropout != 0 {
            throw TokenizerError.unsupported(part: "model.dropout", got: "\(dropout)", supported: ["none"])
        }

        let root = TokenizerField(json, at: "")
        let declared = try DeclaredTokens(
            files, given: try Self.addedTokens(root.child("added_tokens")), vocab: try model.child("vocab").object)
        let (added, bos, eos) = (declared.tokens, declared.bos, declared.eos)
        let preTokenizer = try PreTokenizer(root.child("pre_tokenizer"))
        let decoder = try TokenDecoder(root.child("decoder"), isByteLevel: preTokenizer.isByteLevel)
        let normalizer = try Normalizer(root.child("normalizer"))
        var normalized: [Int32: String] = [:]
        for token in added where token.normalized { normalized[token.id] = normalizer.normalize(token.content) }
        let vocabulary = Vocabulary(
            names: try Self.names(model.child("vocab")), added: added.map { ($0.id, $0.content) }, decoder: decoder,
            normalized: normalized)
        let byteFallback = try model.bool("byte_fallback") ?? false
        let byteTokens = vocabulary.byteTokens
        if byteFallback, preTokenizer.isByteLevel, byteTokens.contains(-1) {
            throw TokenizerError.unsupported(part: "model.byte_fallback", got: "true", supported: ["false"])
        }
        let unknown = try model.string("unk_token").flatMap(vocabulary.id(ofName:))
        let fuseUnknown = try model.bool("fuse_unk") ?? false
        var encoder = BytePairEncoder(
            merges: try Self.merges(model.child("merges"), vocabulary), byteTokens: byteTokens,
            unknownToken: unknown, fuseUnknown: fuseUnknown,
            ignoreMerges: try model.bool("ignore_merges") ?? false)
        var cuts: WordCuts?
        if !preTokenizer.isByteLevel {
            encoder.characters = CharacterSymbols(
                vocabulary, byteFallback: byteFallback, unknownToken: unknown, fuseUnknown: fuseUnknown)
            // A word that is a token as a whole must be seen as a whole.
            if !encoder.ignoreMerges { cuts = WordCuts(vocabulary, unknownToken: unknown) }
        }
        let template = try SequenceTemplate(root.child("post_processor"))
        self.init(
            Parts(
                vocabulary: vocabulary, encoder: encoder, normalizer: normalizer,
                preTokenizer: preTokenizer, decoder: decoder, cuts: cuts,
                template: try template ?? SequenceTemplate(config: files.config, bos: bos, eos: eos, vocabulary), added: added, bos: bos,
                eos: eos
            ))
    }

    /// `model.vocab` by id.
    private static func names(_ node: TokenizerField) throws(TokenizerError) -> [String?] {
        let members = try node.object
        var names = [String?](repeating: nil, count: members.count)
        for (name, value) in members {
            guard let id = value.int, id >= 0, id < Vocabulary.maximumID else {
                throw .malformed(
                    path: "\(node.path)[\(name.debugDescription)]", got: value.kind, wanted: "a token id below \(Vocabulary.maximumID)")
            }
            while names.count <= id { names.append(nil) }
            if let other = names[id] {
                throw .malformed(
                    path: node.path, got: "id \(id) for both \(other.debugDescription) and \(name.debugDescription)",
                    wanted: "one name for each id")
            }
            names[id] = name
        }
        return names
    }

    private static func merges(_ node: TokenizerField, _ vocabulary: Vocabulary) throws(TokenizerError) -> MergeTable {
        let entries = try node.array
        var reader = MergeReader(vocabulary, capacity: entries.count)
        for (index, entry) in entries.enumerated() {
            switch entry {
            case .string(let text):
                try reader.add(text, path: node.path)
            case .array(let pair):
                guard pair.count == 2, let left = pair[0].string, let right = pair[1].string else { fallthrough }
                try reader.add(left, right, path: node.path)
            default:
                throw .malformed(path: "\(node.path)[\(index)]", got: entry.kind, wanted: "\"a b\" or [\"a\", \"b\"]")
            }
        }
        return reader.table
    }

    /// In the order of the file, with the ids it gives.
    private static func addedTokens(_ node: TokenizerField) throws(TokenizerError) -> [AddedTokens.Token] {
        guard !node.value.isNull else { return [] }
        var tokens: [AddedTokens.Token] = []
        for index in try node.array.indices {
            let entry = node.child(index)
            guard entry.value.object != nil else { throw entry.refuse(wanted: "an object with content") }
            var token = try DeclaredTokens.token(entry)
            let id = try entry.child("id").int
            guard id >= 0, id < Vocabulary.maximumID else {
                throw .malformed(path: "\(entry.path).id", got: "\(id)", wanted: "a token id below \(Vocabulary.maximumID)")
            }
            token.id = Int32(id)
            token.normalized = try entry.bool("normalized") ?? false
            tokens.append(token)
        }
        return tokens
    }
}
