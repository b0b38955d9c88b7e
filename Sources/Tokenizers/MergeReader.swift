/// Builds the merge table from merges as files write them: two names, the earlier the stronger.
struct MergeReader {
    private let vocabulary: Vocabulary
    private(set) var table: MergeTable
    private var rank: Int32 = 0

    init(_ vocabulary: Vocabulary, capacity: Int) {
        self.vocabulary = vocabulary
        table = MergeTable(capacity: capacity)
    }

    /// Adds `"a b"`.
    /// - Throws: `TokenizerError.malformed`, naming `path`.
    mutating func add(_ text: String, path: @autoclosure () -> String) throws(TokenizerError) {
        let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw .malformed(path: "\(path())[\(rank)]", got: text.debugDescription, wanted: "two tokens with one space between them")
        }
        try add(String(Substring(parts[0])), String(Substring(parts[1])), path: path())
    }

    mutating func add(_ left: String, _ right: String, path: @autoclosure () -> String) throws(TokenizerError) {
        let whole = left + right
        guard let leftID = vocabulary.id(ofName: left), let rightID = vocabulary.id(ofName: right),
            let id = vocabulary.id(ofName: whole)
        else {
            let missing = [left, right, whole].first { vocabulary.id(ofName: $0) == nil } ?? whole
            throw .malformed(
                path: "\(path())[\(rank)]", got: "\(missing.debugDescription), which is no token",
                wanted: "tokens of the vocabulary")
        }
        table.insert(left: leftID, right: rightID, rank: rank, id: id)
        rank += 1
    }
}
