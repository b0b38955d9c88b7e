/// The tokens of the model and those added to it, by id, by name and by bytes.
struct Vocabulary: Sendable {
    /// Ids above this are taken for a broken file rather than allocated.
    static let maximumID = 1 << 22

    /// What each id decodes to.
    private(set) var arena = TokenArena()
    /// Ids of the model's tokens that are written in the byte alphabet: the ones that merging can yield.
    private var index: ByteIndex
    /// Tokens whose name is not their bytes in the byte alphabet, as `<｜User｜>`: by id and by name.
    private var irregularNames: [Int32: String] = [:]
    private var irregularIDs: [[UInt8]: Int32] = [:]
    /// Whether each id has a token.
    private var exists: [Bool]

    /// `names[id]` is how the model's vocabulary writes token `id`; `added` are matched as text and win over the model's names.
    init(names: [String?], added: [(id: Int32, content: String)]) {
        var names = names
        var addedIDs: Set<Int32> = []
        for token in added {
            while names.count <= Int(token.id) { names.append(nil) }
            if names[Int(token.id)] == nil || names[Int(token.id)] != token.content { addedIDs.insert(token.id) }
            names[Int(token.id)] = token.content
        }
        index = ByteIndex(capacity: names.count)
        exists = names.map { $0 != nil }
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

    /// The token that the model's vocabulary writes as these bytes in the byte alphabet.
    func id(ofBytes key: UnsafeBufferPointer<UInt8>) -> Int32? {
        index.find(key, in: arena)
    }

    /// The token of this name, as `tokenizer.json` writes it (`Ġthe`, `<think>`).
    func id(ofName name: String) -> Int32? {
        if !irregularIDs.isEmpty, let id = irregularIDs[Array(name.utf8)] { return id }
        var bytes: [UInt8] = []
        guard ByteAlphabet.appendBytes(of: name.utf8, to: &bytes) else { return nil }
        return bytes.withUnsafeBufferPointer { id(ofBytes: $0) }
    }

    func name(of id: Int32) -> String? {
        guard contains(id) else { return nil }
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
}
