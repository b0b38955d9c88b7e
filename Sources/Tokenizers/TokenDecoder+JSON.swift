extension TokenDecoder {
    private static let kinds = ["ByteLevel", "Metaspace", "a sequence of Replace, ByteFallback, Fuse and Strip in this order"]

    /// - Parameter isByteLevel: whether the pre-tokeniser makes bytes of words.
    /// - Throws: `TokenizerError.unsupported` for a kind or an order that is not implemented.
    init(_ node: TokenizerField, isByteLevel: Bool) throws(TokenizerError) {
        let parts = try Self.leaves(node)
        var kinds: [String] = []
        for part in parts { kinds.append(try part.kind) }
        let got = kinds.isEmpty ? "null" : kinds.joined(separator: ", ")
        if isByteLevel || kinds.contains("ByteLevel") {
            guard kinds.allSatisfy({ $0 == "ByteLevel" }) else { throw .unsupported(part: node.path, got: got, supported: Self.kinds) }
            guard isByteLevel else {
                throw .unsupported(
                    part: "\(node.path) ByteLevel with a pre_tokenizer that has none", got: got, supported: ["both or neither"])
            }
            self = .byteLevel
            return
        }
        guard !kinds.isEmpty else {
            throw .unsupported(part: "\(node.path) with a pre_tokenizer that does not end in ByteLevel", got: got, supported: Self.kinds)
        }
        self.init(isByteLevel: false)
        // How far in the order a kind stands; `Metaspace` stands alone.
        let order = ["Replace": 0, "ByteFallback": 1, "Fuse": 2, "Strip": 3]
        var reached = -1
        for (index, part) in parts.enumerated() {
            if kinds == ["Metaspace"] {
                try readMetaspace(part)
                continue
            }
            guard let place = order[kinds[index]], place > reached || place == 0 && reached == 0, place < 3 || reached == 2 else {
                throw .unsupported(part: node.path, got: got, supported: Self.kinds)
            }
            reached = place
            switch kinds[index] {
            case "Replace": try readReplace(part)
            case "ByteFallback": (hasByteTokens, illFormed) = (true, .wholeRuns)
            case "Strip": try readStrip(part)
            default: break
            }
        }
    }

    private static func leaves(_ node: TokenizerField) throws(TokenizerError) -> [TokenizerField] {
        guard !node.value.isNull else { return [] }
        guard try node.kind == "Sequence" else { return [node] }
        let list = node.child("decoders")
        var leaves: [TokenizerField] = []
        for index in try list.array.indices { leaves += try Self.leaves(list.child(index)) }
        return leaves
    }

    private mutating func readReplace(_ node: TokenizerField) throws(TokenizerError) {
        guard let old = try node.child("pattern").string("String"), !old.isEmpty else {
            throw node.child("pattern").refuse(wanted: "{\"String\": ...}, not empty")
        }
        replacements.append(Replacement(old: Array(old.utf8), new: Array(try node.child("content").string.utf8)))
    }

    private mutating func readStrip(_ node: TokenizerField) throws(TokenizerError) {
        let stop = try node.child("stop").int
        guard stop == 0 else { throw .unsupported(part: "\(node.path).stop", got: "\(stop)", supported: ["0"]) }
        stripped = Array(try node.child("content").string.utf8)
        strippedCount = try node.child("start").int
        guard (0...1 << 20).contains(strippedCount), !stripped.isEmpty else {
            throw node.refuse(wanted: "a character and how often it is taken away")
        }
    }

    private mutating func readMetaspace(_ node: TokenizerField) throws(TokenizerError) {
        let mark = Array(try node.child("replacement").string.utf8)
        guard !mark.isEmpty else { throw node.child("replacement").refuse(wanted: "one character") }
        replacements = [Replacement(old: mark, new: [0x20])]
        let scheme = try node.string("prepend_scheme")
        let addsSpace = try node.bool("add_prefix_space") ?? true
        let isNever = scheme.map { $0 == MetaspacePrefix.never.rawValue } ?? !addsSpace
        if !isNever { droppedFromFirst = mark }
    }
}
