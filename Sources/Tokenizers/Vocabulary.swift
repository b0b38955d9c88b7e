/// The tokens of the model and those added to it, by id, by name and by bytes.
struct Vocabulary: Sendable {
    /// Ids above this are taken for a broken file rather than allocated.
    static let maximumID = 1 << 22

    /// What each id decodes to.
    private(set) var arena = TokenArena()
    /// The names of all tokens where they are text; nil where the byte alphabet tells them from what they decode to.
    private var names: TokenArena?
    /// Added tokens that are looked for in normalised text: decoding takes their content normalised.
    private var normalizedNames: [Int32: [UInt8]] = [:]
    /// Ids of the model's tokens, those that merging can yield: by bytes in the byte alphabet, else by name.
    private var index: ByteIndex
    /// Tokens whose name is not their bytes in the byte alphabet, as `<｜User｜>`: by id and by name.
    private var irregularNames: [Int32: String] = [:]
    private var irregularIDs: [[UInt8]: Int32] = [:]
    /// Whether each id has a token.
    private var exists: [Bool]

    /// `names[id]` is how the model's vocabulary writes token `id`; `added` are matched as text and win over the model's names.
    init(
        names: [String?], added: [(id: Int32, content: String)], decoder: TokenDecoder = .byteLevel,
        normalized: [Int32: String] = [:]
    ) {
        var names = names
        var addedIDs: Set<Int32> = []
        for token in added {
            while names.count <= Int(token.id) { names.append(nil) }
            if names[Int(token.id)] == nil || names[Int(token.id)] != token.content { addedIDs.insert(token.id) }
            names[Int(token.id)] = token.content
        }
        index = ByteIndex(capacity: names.count)
        exists = names.map { $0 != nil }
        guard decoder.isByteLevel else {
            var texts = TokenArena()
            normalizedNames = normalized.mapValues { Array($0.utf8) }
            for (id, name) in names.enumerated() {
                arena.append { decoder.appendBytes(of: normalizedNames[Int32(id)] ?? Array((name ?? "").utf8), to: &$0) }
                texts.append { $0.append(contentsOf: (name ?? "").utf8) }
                guard let name else { continue }
                if addedIDs.contains(Int32(id)) {
                    irregularIDs[Array(name.utf8)] = Int32(id)
                } else {
                    index.insert(Int32(id), in: texts)
                }
            }
            self.names = texts
            return
        }
        for (id, name) in names.enumerated() {
            let id = Int32(id)
            var regular = false
            arena.append { bytes in
                guard let name else { return }
                regular = ByteAlphabet.appendBytes(of: name.utf8, to: &bytes)
                if !regular { bytes.append(contentsOf: name.utf8) }
            }
            guard let name else { continue }
            if regular, !addedIDs.contains(id) {
                index.insert(id, in: arena)
            } else {
                irregularNames[id] = name
                irregularIDs[Array(name.utf8)] = id
            }
        }
    }

    var count: Int { arena.count }

    func contains(_ id: Int32) -> Bool {
        exists.indices.contains(Int(id)) && exists[Int(id)]
    }

    /// The model's token of these bytes: in the byte alphabet what it stands for, else its name.
    func id(ofBytes key: UnsafeBufferPointer<UInt8>) -> Int32? {
        index.find(key, in: names ?? arena)
    }

    /// The token of this name, as `tokenizer.json` writes it (`Ġthe`, `<think>`).
    func id(ofName name: String) -> Int32? {
        if !irregularIDs.isEmpty, let id = irregularIDs[Array(name.utf8)] { return id }
        var bytes: [UInt8] = []
        if names != nil { return Array(name.utf8).withUnsafeBufferPointer { id(ofBytes: $0) } }
        guard ByteAlphabet.appendBytes(of: name.utf8, to: &bytes) else { return nil }
        return bytes.withUnsafeBufferPointer { id(ofBytes: $0) }
    }

    /// The name as UTF-8, where names are text.
    func nameBytes(_ id: Int) -> ArraySlice<UInt8> {
        if !normalizedNames.isEmpty, let name = normalizedNames[Int32(id)] { return name[...] }
        return names?[id] ?? []
    }

    func withName<Result>(of id: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        (names ?? arena).withBytes(of: id, body)
    }

    func name(of id: Int32) -> String? {
        guard contains(id) else { return nil }
        if let names { return String(decoding: names[Int(id)], as: UTF8.self) }
        return irregularNames[id] ?? ByteAlphabet.name(of: arena[Int(id)])
    }
}

extension Vocabulary {
    /// The token of each single byte, or -1 where the vocabulary has none.
    var byteTokens: [Int32] {
        (0..<256).map { byte in
            [UInt8(truncatingIfNeeded: byte)].withUnsafeBufferPointer { id(ofBytes: $0) ?? -1 }
        }
    }

    /// The tokens `<0x00>` to `<0xFF>`, or -1 where the vocabulary has none.
    var fallbackTokens: [Int32] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return id(ofName: "<0x\(digits.count < 2 ? "0" : "")\(digits)>") ?? -1
        }
    }
}
