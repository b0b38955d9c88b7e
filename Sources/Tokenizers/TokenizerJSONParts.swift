import Checkpoints
import JSONText

extension Normalizer {
    /// - Throws: `TokenizerError.unsupported` for a kind that is not implemented.
    init(_ node: TokenizerField) throws(TokenizerError) {
        self = .none
        guard !node.value.isNull else { return }
        switch try node.kind {
        case "NFC":
            self = .nfc
        case "Prepend":
            steps = [.prepend(Array(try node.child("prepend").string.utf8))]
        case "Replace":
            let new = Array(try node.child("content").string.utf8)
            let pattern = node.child("pattern")
            if let text = try pattern.string("String") {
                guard !text.isEmpty else { throw pattern.refuse(wanted: "a text that is not empty") }
                steps = [.replace(Array(text.utf8), with: new)]
            } else {
                steps = [.replaceMatches(try PreTokenizer.pattern(pattern), with: new)]
            }
        case "Sequence":
            let list = node.child("normalizers")
            for index in try list.array.indices {
                steps += try Normalizer(list.child(index)).steps
            }
        case let other:
            throw .unsupported(part: node.path, got: other, supported: ["NFC", "Prepend", "Replace", "Sequence"])
        }
    }
}

extension PreTokenizer {
    private static let kinds = ["Split", "ByteLevel", "Metaspace", "Digits", "Sequence"]

    /// - Throws: `TokenizerError.unsupported` for a kind that is not implemented, or a `ByteLevel` that is not the last of its kind.
    init(_ node: TokenizerField) throws(TokenizerError) {
        guard !node.value.isNull else {
            self.init(steps: [], isByteLevel: false)
            return
        }
        let parts = try Self.leaves(node)
        var steps: [Step] = []
        var kinds: [String] = []
        for part in parts {
            steps += try Self.steps(part)
            kinds.append(try part.kind)
        }
        // Bytes become their alphabet's characters in ByteLevel: before it patterns see text, after it they would not.
        guard kinds.firstIndex(of: "ByteLevel") ?? kinds.count - 1 == kinds.count - 1 else {
            throw .unsupported(
                part: "the order of \(node.path)", got: kinds.joined(separator: ", "),
                supported: ["sequences that end in their only ByteLevel", "sequences without one"])
        }
        self.init(steps: steps, isByteLevel: kinds.last == "ByteLevel")
    }

    /// The parts of nested sequences, in order.
    private static func leaves(_ node: TokenizerField) throws(TokenizerError) -> [TokenizerField] {
        guard try node.kind == "Sequence" else { return [node] }
        let list = node.child("pretokenizers")
        var leaves: [TokenizerField] = []
        for index in try list.array.indices { leaves += try Self.leaves(list.child(index)) }
        guard !leaves.isEmpty else { throw .unsupported(part: list.path, got: "an empty sequence", supported: kinds) }
        return leaves
    }

    private static func steps(_ node: TokenizerField) throws(TokenizerError) -> [Step] {
        switch try node.kind {
        case "Split":
            let name = try node.child("behavior").string
            guard let behavior = SplitBehavior(rawValue: name) else {
                throw .unsupported(part: "\(node.path).behavior", got: name, supported: SplitBehavior.allCases.map(\.rawValue))
            }
            return [.split(try pattern(node.child("pattern")), behavior, invert: try node.bool("invert") ?? false)]
        case "Digits":
            return [.digits(individually: try node.bool("individual_digits") ?? false)]
        case "ByteLevel":
            var steps: [Step] = try node.bool("add_prefix_space") ?? true ? [.prefixSpace] : []
            if try node.bool("use_regex") ?? true { steps.append(.split(try Pattern(gpt2Pattern), .isolated, invert: false)) }
            return steps
        case "Metaspace":
            let text = try node.child("replacement").string
            guard text.unicodeScalars.count == 1 else { throw node.child("replacement").refuse(wanted: "one character") }
            let name = try node.string("prepend_scheme")
            guard var prefix = MetaspacePrefix(rawValue: name ?? "always") else {
                throw .unsupported(
                    part: "\(node.path).prepend_scheme", got: name ?? "", supported: MetaspacePrefix.allCases.map(\.rawValue))
            }
            // Files from before there were schemes.
            if try node.bool("add_prefix_space") == false, name == nil { prefix = .never }
            let mark = Step.metaspace(mark: Array(text.utf8), prefix)
            return try node.bool("split") ?? true ? [mark, .split(try Pattern(text, .literal), .mergedWithNext, invert: false)] : [mark]
        case let other:
            throw .unsupported(part: node.path, got: other, supported: kinds)
        }
    }

    static func pattern(_ node: TokenizerField) throws(TokenizerError) -> Pattern {
        if let source = try node.string("Regex") { return try Pattern(source) }
        if let text = try node.string("String") { return try Pattern(text, .literal) }
        throw node.refuse(wanted: "{\"Regex\": ...} or {\"String\": ...}")
    }
}

extension SequenceTemplate {
    private static let kinds = ["TemplateProcessing", "ByteLevel", "Sequence"]

    /// Nil when the file leaves the fixed tokens open.
    /// - Throws: `TokenizerError.unsupported` for a kind that is not implemented.
    init?(_ node: TokenizerField) throws(TokenizerError) {
        guard !node.value.isNull else { return nil }
        switch try node.kind {
        case "ByteLevel":
            // Moves offsets only, never tokens.
            return nil
        case "Sequence":
            let list = node.child("processors")
            var found: SequenceTemplate?
            for index in try list.array.indices {
                guard let template = try SequenceTemplate(list.child(index)) else { continue }
                found = SequenceTemplate(prefix: template.prefix + (found?.prefix ?? []), suffix: (found?.suffix ?? []) + template.suffix)
            }
            guard let found else { return nil }
            self = found
        case "TemplateProcessing":
            self.init()
            let pieces = node.child("single")
            var seenText = false
            for index in try pieces.array.indices {
                let piece = pieces.child(index)
                if piece.value["Sequence"] != nil {
                    seenText = true
                    continue
                }
                let name = try piece.child("SpecialToken").child("id").string
                let ids = node.child("special_tokens").child(name).child("ids")
                for position in try ids.array.indices {
                    guard let id = Int32(exactly: try ids.child(position).int), id >= 0 else { throw ids.refuse(wanted: "token ids") }
                    if seenText { suffix.append(id) } else { prefix.append(id) }
                }
            }
        case let other:
            throw .unsupported(part: node.path, got: other, supported: Self.kinds)
        }
    }

    /// From `add_bos_token` and `add_eos_token` of `tokenizer_config.json`, for files that leave it open.
    init(config: JSON?, bos: String?, eos: String?, _ vocabulary: Vocabulary) throws(TokenizerError) {
        self.init()
        if config?["add_bos_token"]?.bool ?? false, let id = bos.flatMap(vocabulary.id(ofName:)) { prefix = [id] }
        if config?["add_eos_token"]?.bool ?? false, let id = eos.flatMap(vocabulary.id(ofName:)) { suffix = [id] }
    }
}
