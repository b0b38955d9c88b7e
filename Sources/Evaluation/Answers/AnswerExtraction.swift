/// Finds the final answer in a response. Linear in its length.
///
/// In order: the last `\boxed{...}`, `<answer>...</answer>`, `#### ...`, "the answer is ...", and else the last formula or number. What
/// follows `</think>` is asked first.
enum AnswerExtraction {
    /// The answer, and where it is spread over several boxes also all of them as a list.
    static func candidates(_ response: String) -> [String] {
        let bytes = Array(response.utf8)
        let start = last("</think>", in: bytes[...])?.upperBound ?? 0
        let found = candidates(bytes[start...])
        // A model that stops after its thoughts has put its answer there.
        return found.isEmpty && start > 0 ? candidates(bytes[..<start]) : found
    }

    private static func candidates(_ bytes: ArraySlice<UInt8>) -> [String] {
        let boxes = boxes(in: bytes)
        if let last = boxes.last {
            let text = string(bytes[last.content])
            let together = neighbours(boxes, in: bytes)
            return together.count > 1 ? [text, together.map { string(bytes[$0.content]) }.joined(separator: ", ")] : [text]
        }
        if let tag = last("<answer>", in: bytes) {
            let rest = bytes[tag.upperBound...]
            let tagged = rest[..<(first("</answer>", in: rest)?.lowerBound ?? rest.endIndex)]
            if let said = phrase(tagged) { return [said] }
            let text = trimmed(tagged)
            if isUnderstood(text) { return [text] }
            if let found = expression(tagged) { return [found] }
        }
        if let mark = last("####", in: bytes) {
            let text = trimmed(line(bytes[mark.upperBound...]))
            if !text.isEmpty { return [text] }
        }
        return [phrase(bytes) ?? expression(bytes)].compactMap(\.self)
    }

    private static func isUnderstood(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count < 500, let tokens = try? MathLexer.tokens(text) else { return false }
        return (try? MathParser.parse(tokens)) != nil
    }

    // MARK: Boxes

    private struct Box {
        /// From the backslash to behind the closing brace.
        let whole: Range<Int>
        let content: Range<Int>
    }

    /// All closed `\boxed{...}` and `\fbox{...}`, the outermost of nested ones.
    private static func boxes(in bytes: ArraySlice<UInt8>) -> [Box] {
        var boxes: [Box] = []
        /// Braces that are open, with the place of the command before them if that makes a box.
        var open: [(brace: Int, command: Int?)] = []
        var position = bytes.startIndex
        while position < bytes.endIndex {
            switch bytes[position] {
            case UInt8(ascii: "\\"):
                if let brace = boxBrace(bytes, command: position) {
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
        return boxes
    }

    private static func boxBrace(_ bytes: ArraySlice<UInt8>, command: Int) -> Int? {
        for name in ["\\boxed", "\\fbox"] {
            var position = command + name.utf8.count
            guard bytes[command...].starts(with: name.utf8) else { continue }
            while position < bytes.endIndex, bytes[position] == 0x20 { position += 1 }
            if position < bytes.endIndex, bytes[position] == UInt8(ascii: "{") { return position }
        }
        return nil
    }

    /// The last box and those before it with nothing but "and", "or", commas and dollar signs between.
    private static func neighbours(_ boxes: [Box], in bytes: ArraySlice<UInt8>) -> ArraySlice<Box> {
        var first = boxes.count - 1
        while first > 0, boxes.count - first < 16 {
            let between = bytes[boxes[first - 1].whole.upperBound..<boxes[first].whole.lowerBound]
            guard between.count <= 24 else { break }
            let words = string(between).replacing("\\text", with: "").split { " ,;$\n{}\\()".contains($0) }
            guard words.allSatisfy({ ["and", "or", "quad"].contains($0) }) else { break }
            first -= 1
        }
        return boxes[first...]
    }

    // MARK: Phrases

    /// What follows the last "answer is", "answer:" and the like, up to the end of the sentence.
    private static func phrase(_ bytes: ArraySlice<UInt8>) -> String? {
        var end = bytes.endIndex
        while let word = last("nswer", in: bytes[bytes.startIndex..<end]) {
            end = word.lowerBound
            var position = word.upperBound
            position = skip(bytes, from: position) { $0 == 0x20 || $0 == UInt8(ascii: "*") }
            guard let introduction = introductions.first(where: { bytes[position...].starts(with: $0.utf8) }) else { continue }
            position = skip(bytes, from: position + introduction.utf8.count) {
                $0 <= 0x20 || $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: ":")
            }
            let sentence = sentence(bytes[position...])
            let text = trimmed(sentence)
            if text.isEmpty { continue }
            if isUnderstood(text) { return text }
            return expression(sentence) ?? text
        }
        return nil
    }

    private static let introductions = ["is", ":", "=", "will be", "would be", "must be"]

    /// Up to a line break, or a full stop that no digit follows.
    private static func sentence(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var position = bytes.startIndex
        while position < bytes.endIndex, bytes[position] != 0x0A {
            if bytes[position] == UInt8(ascii: "."), position + 1 == bytes.endIndex || bytes[position + 1] <= 0x20 { break }
            position += 1
        }
        return bytes[..<position]
    }

    private static func line(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = skip(bytes, from: bytes.startIndex) { $0 == 0x20 }
        return bytes[start..<(bytes[start...].firstIndex(of: 0x0A) ?? bytes.endIndex)]
    }

    // MARK: The last expression

    /// The last formula between dollar signs, `\(...\)` or `\[...\]`, or the last number, whichever comes later. Of an equation without
    /// commas, what stands behind its last equals sign.
    private static func expression(_ bytes: ArraySlice<UInt8>) -> String? {
        let formula = lastFormula(bytes)
        let number = lastNumber(bytes)
        if let formula, formula.upperBound >= number?.upperBound ?? 0 {
            var content = bytes[formula]
            if !content.contains(UInt8(ascii: ",")), let equals = content.lastIndex(of: UInt8(ascii: "=")) {
                content = content[(equals + 1)...]
            }
            let text = trimmed(content)
            if !text.isEmpty { return text }
        }
        return number.map { string(bytes[$0]) }
    }

    private static func lastFormula(_ bytes: ArraySlice<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        var opening: (position: Int, byte: UInt8)?
        var position = bytes.startIndex
        while position < bytes.endIndex {
            let byte = bytes[position]
            let next = position + 1 < bytes.endIndex ? bytes[position + 1] : 0
            if byte == UInt8(ascii: "$") {
                if let open = opening, open.byte == byte {
                    if open.position < position { found = open.position..<position }
                    opening = nil
                } else if next != byte {
                    opening = (position + 1, byte)
                }
            } else if byte == UInt8(ascii: "\\") {
                if next == UInt8(ascii: "(") || next == UInt8(ascii: "[") {
                    opening = (position + 2, next)
                } else if let open = opening, next == open.byte + (open.byte == UInt8(ascii: "(") ? 1 : 2), open.byte != UInt8(ascii: "$") {
                    found = open.position..<position
                    opening = nil
                }
                position += 1
            } else if byte == 0x0A, next == 0x0A {
                opening = nil
            }
            position += 1
        }
        return found
    }

    private static func lastNumber(_ bytes: ArraySlice<UInt8>) -> Range<Int>? {
        func isDigit(_ position: Int) -> Bool { position < bytes.endIndex && (0x30...0x39).contains(bytes[position]) }
        var found: Range<Int>?
        var position = bytes.startIndex
        while position < bytes.endIndex {
            guard isDigit(position) else {
                position += 1
                continue
            }
            var start = position
            while isDigit(position) { position += 1 }
            while position < bytes.endIndex, [UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "/")].contains(bytes[position]),
                isDigit(position + 1)
            {
                // A comma only between thousands.
                if bytes[position] == UInt8(ascii: ","),
                    !(isDigit(position + 2) && isDigit(position + 3) && !isDigit(position + 4))
                {
                    break
                }
                position += 1
                while isDigit(position) { position += 1 }
            }
            if start > bytes.startIndex, bytes[start - 1] == UInt8(ascii: ".") { start -= 1 }
            while start > bytes.startIndex, [UInt8(ascii: "$"), UInt8(ascii: "\\")].contains(bytes[start - 1]) { start -= 1 }
            if start > bytes.startIndex, bytes[start - 1] == UInt8(ascii: "-"),
                start - 1 == bytes.startIndex || !isWordEnd(bytes[start - 2])
            {
                start -= 1
            }
            var end = position
            if end < bytes.endIndex, bytes[end] == UInt8(ascii: "%") { end += 1 }
            found = start..<end
        }
        return found
    }

    private static func isWordEnd(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: ")")
    }

    // MARK: Bytes

    private static func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Without white space and Markdown's asterisks around it.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isEdge: (UInt8) -> Bool = { $0 <= 0x20 || $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "`") }
        var rest = bytes.drop(while: isEdge)
        while let byte = rest.last, isEdge(byte) { rest.removeLast() }
        return string(rest)
    }

    private static func skip(_ bytes: ArraySlice<UInt8>, from start: Int, while matches: (UInt8) -> Bool) -> Int {
        var position = start
        while position < bytes.endIndex, matches(bytes[position]) { position += 1 }
        return position
    }

    private static func first(_ text: String, in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        let pattern = Array(text.utf8)
        guard bytes.count >= pattern.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - pattern.count) where bytes[start] == pattern[0] {
            if bytes[start...].starts(with: pattern) { return start..<start + pattern.count }
        }
        return nil
    }

    private static func last(_ text: String, in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        let pattern = Array(text.utf8)
        guard bytes.count >= pattern.count else { return nil }
        for start in (bytes.startIndex...(bytes.endIndex - pattern.count)).reversed() where bytes[start] == pattern[0] {
            if bytes[start...].starts(with: pattern) { return start..<start + pattern.count }
        }
        return nil
    }
}
