/// The boxes of a response: `\boxed{...}` and `\fbox{...}`.
struct AnswerBoxes {
    /// One for each closed box, the outermost of nested ones.
    private var boxes: [Box] = []
    /// Where what stands in a box begins that comes after all of those and is never closed: the answer is not given.
    private(set) var unfinished: Int?

    private struct Box {
        /// From the backslash to behind the closing brace.
        let whole: Range<Int>
        let content: Range<Int>
    }

    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        find()
    }

    /// What stands in the last box, and where several stand side by side also all of them as a list.
    var candidates: [String] {
        guard let last = boxes.last else { return [] }
        let text = string(last.content)
        let together = neighbours
        return together.count > 1 ? [text, together.map { string($0.content) }.joined(separator: ", ")] : [text]
    }

    private func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private mutating func find() {
        /// Braces that are open, with the place of the command before them if that makes a box.
        var open: [(brace: Int, command: Int?)] = []
        var position = bytes.startIndex
        while position < bytes.endIndex {
            switch bytes[position] {
            case UInt8(ascii: "\\"):
                if let brace = brace(ofCommand: position) {
                    // The response ends before the brace.
                    if brace == bytes.endIndex { return unfinished = brace }
                    open.append((brace, position))
                    position = brace + 1
                } else {
                    // A brace behind a backslash is a sign, not a bracket.
                    position += 2
                }
                continue
            case UInt8(ascii: "{"): open.append((position, nil))
            case UInt8(ascii: "}"):
                if let (brace, command) = open.popLast(), let command {
                    while let last = boxes.last, last.whole.lowerBound > command { boxes.removeLast() }
                    boxes.append(Box(whole: command..<position + 1, content: brace + 1..<position))
                }
            default: break
            }
            position += 1
        }
        guard let (brace, command) = open.last(where: { $0.command != nil }), let command else { return }
        if boxes.last.map({ $0.whole.lowerBound < command }) ?? true { unfinished = brace + 1 }
    }

    private static let names = ["\\boxed", "\\fbox"]
    /// So much of a name at the end of a response is the beginning of a box.
    private static let leastOfName = 3

    /// The brace of a box whose command begins here; the end where the response ends before it.
    private func brace(ofCommand command: Int) -> Int? {
        let rest = bytes[command...]
        for name in Self.names {
            if rest.count < name.utf8.count, rest.count >= Self.leastOfName, name.utf8.starts(with: rest) { return bytes.endIndex }
            guard rest.starts(with: name.utf8) else { continue }
            let behind = rest.dropFirst(name.utf8.count).drop { $0 == 0x20 }
            if behind.isEmpty || behind.first == UInt8(ascii: "{") { return behind.startIndex }
        }
        return nil
    }

    /// The last box and those before it with nothing but "and", "or", commas and dollar signs between.
    private var neighbours: ArraySlice<Box> {
        var first = boxes.count - 1
        while first > 0, boxes.count - first < 16 {
            let between = boxes[first - 1].whole.upperBound..<boxes[first].whole.lowerBound
            guard between.count <= 24 else { break }
            let words = string(between).replacing("\\text", with: "").split { " ,;$\n{}\\()".contains($0) }
            guard words.allSatisfy({ ["and", "or", "quad"].contains($0) }) else { break }
            first -= 1
        }
        return boxes[first...]
    }
}
