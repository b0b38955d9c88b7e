import Checkpoints
import JSONText

/// The added tokens that a folder's files name together. They are not told apart by their ids: as in `tokenizers`, a token that the
/// model's vocabulary has too keeps the id it has there, any other gets the next one. Where files disagree, `transformers` is followed:
/// `added_tokens_decoder` of the configuration over `tokenizer.json`; without it, `special_tokens_map.json` over the configuration and
/// `tokenizer.json` over `added_tokens.json`.
struct DeclaredTokens {
    private(set) var tokens: [AddedTokens.Token] = []
    /// The text of the beginning- and end-of-sequence tokens.
    private(set) var bos: String?
    private(set) var eos: String?

    private var places: [ExactText: Int] = [:]
    private var highestID = -1
    private let vocab: JSONObject

    /// The names that `transformers` gives to tokens of every model; others end in `_token`, too.
    private static let roles = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

    /// - Parameters:
    ///   - given: the tokens of `tokenizer.json` in its order, with its ids.
    ///   - vocab: the model's vocabulary, ids by name.
    /// - Throws: `TokenizerError.malformed`, naming the file.
    init(_ files: DeclaredTokenFiles, given: [AddedTokens.Token], vocab: JSONObject) throws(TokenizerError) {
        self.vocab = vocab
        for token in given { add(token) }
        var settings = files.config?.object ?? [:]
        var listed: [AddedTokens.Token]
        if let decoder = settings["added_tokens_decoder"]?.object {
            listed = try Self.decoder(decoder)
        } else {
            Self.merge(files.specialTokensMap?.object ?? [:], into: &settings)
            listed = try Self.legacy(files.addedTokens?.object ?? [:], settings, given)
        }
        let named = try Self.named(settings)
        let standard = Set(named.filter { Self.roles.contains($0.role) }.map { ExactText($0.token.content) })
        for index in listed.indices where standard.contains(ExactText(listed[index].content)) { listed[index].special = true }
        for token in listed { add(token) }
        for (_, token) in named + (try Self.extra(settings)) where places[ExactText(token.content)] == nil { add(token) }
        bos = named.first { $0.role == "bos_token" }?.token.content
        eos = named.first { $0.role == "eos_token" }?.token.content
        guard highestID < Vocabulary.maximumID else {
            throw .malformed(path: "added tokens", got: "the id \(highestID)", wanted: "ids below \(Vocabulary.maximumID)")
        }
    }

    /// A token that is there already gets the flags of the new one.
    private mutating func add(_ token: AddedTokens.Token) {
        guard !token.content.isEmpty else { return }
        var token = token
        if let place = places[ExactText(token.content)] {
            token.id = tokens[place].id
            // In `tokenizers` a token stays special once it is.
            token.special = token.special || tokens[place].special
            tokens[place] = token
            return
        }
        let id = vocab[token.content]?.int ?? (highestID >= vocab.count ? highestID + 1 : vocab.count)
        highestID = max(highestID, id)
        token.id = Int32(clamping: id)
        places[ExactText(token.content)] = tokens.count
        tokens.append(token)
    }

    // MARK: The files

    /// `added_tokens_decoder`: tokens by id.
    private static func decoder(_ members: JSONObject) throws(TokenizerError) -> [AddedTokens.Token] {
        let path = "tokenizer_config.json: added_tokens_decoder"
        var tokens: [(id: Int, token: AddedTokens.Token)] = []
        for (key, value) in members {
            guard let id = Int(key), id >= 0 else {
                throw .malformed(path: path, got: "the key \"\(key.prefix(60))\"", wanted: "token ids")
            }
            guard value.object != nil else { throw .malformed(path: "\(path)[\(key)]", got: value.kind, wanted: "an object with content") }
            tokens.append((id, try token(TokenizerField(value, at: "\(path)[\(key)]"))))
        }
        return tokens.sorted { $0.id < $1.id }.map(\.token)
    }

    /// `added_tokens.json`, ids by content, and what `tokenizer.json` says of the same ids.
    private static func legacy(
        _ members: JSONObject, _ settings: JSONObject, _ given: [AddedTokens.Token]
    ) throws(TokenizerError) -> [AddedTokens.Token] {
        let special = Set((try named(settings) + extra(settings)).map { ExactText($0.token.content) })
        var byID: [Int: AddedTokens.Token] = [:]
        for (content, value) in members {
            guard let id = value.int, id >= 0 else {
                throw .malformed(path: "added_tokens.json: \(content.prefix(60).debugDescription)", got: value.kind, wanted: "a token id")
            }
            let isSpecial = special.contains(ExactText(content))
            byID[id] = AddedTokens.Token(id: -1, content: content, normalized: !isSpecial, special: isSpecial)
        }
        for token in given { byID[Int(token.id)] = token }
        return byID.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func merge(_ map: JSONObject, into settings: inout JSONObject) {
        for (key, value) in map {
            if key == "extra_special_tokens", let more = value.array {
                settings[key] = .array((settings[key]?.array ?? []) + more.map(specially))
            } else {
                settings[key] = specially(value)
            }
        }
    }

    private static func specially(_ value: JSON) -> JSON {
        guard var object = value.object, object["content"] != nil else { return value }
        object["special"] = true
        return .object(object)
    }

    /// The tokens that have a role, the standard ones first.
    private static func named(_ settings: JSONObject) throws(TokenizerError) -> [(role: String, token: AddedTokens.Token)] {
        var named: [(role: String, token: AddedTokens.Token)] = []
        let others = settings.keys.filter { $0.hasSuffix("_token") && !roles.contains($0) }
        for role in roles + others {
            guard let value = settings[role], isToken(value) else { continue }
            named.append((role, try roleToken(value, at: "tokenizer_config.json: \(role)")))
        }
        for (role, value) in settings["extra_special_tokens"]?.object ?? [:] where isToken(value) {
            named.append((role, try roleToken(value, at: "tokenizer_config.json: extra_special_tokens.\(role)")))
        }
        return named
    }

    /// The special tokens without a role.
    private static func extra(_ settings: JSONObject) throws(TokenizerError) -> [(role: String, token: AddedTokens.Token)] {
        let key = settings["extra_special_tokens"]?.array?.isEmpty == false ? "extra_special_tokens" : "additional_special_tokens"
        var tokens: [(role: String, token: AddedTokens.Token)] = []
        for (index, value) in (settings[key]?.array ?? []).enumerated() {
            tokens.append((key, try token(TokenizerField(value, at: "tokenizer_config.json: \(key)[\(index)]"))))
        }
        return tokens
    }

    private static func isToken(_ value: JSON) -> Bool { value.string != nil || value["content"]?.string != nil }

    private static func roleToken(_ value: JSON, at path: String) throws(TokenizerError) -> AddedTokens.Token {
        var token = try token(TokenizerField(value, at: path))
        token.special = true
        return token
    }

    /// A token as its text, which makes it special, or as an object with flags.
    static func token(_ node: TokenizerField) throws(TokenizerError) -> AddedTokens.Token {
        if let text = node.value.string { return AddedTokens.Token(id: -1, content: text, special: true) }
        let special = try node.bool("special") ?? false
        return AddedTokens.Token(
            id: -1, content: try node.child("content").string, lstrip: try node.bool("lstrip") ?? false,
            rstrip: try node.bool("rstrip") ?? false, singleWord: try node.bool("single_word") ?? false,
            normalized: try node.bool("normalized") ?? !special, special: special)
    }
}
