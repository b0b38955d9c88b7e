/// Finds the final answer in a response. Linear in its length.
///
/// In order: the last `\boxed{...}`, `<answer>...</answer>`, `#### ...`, "the answer is ...", and else the last formula or number. What
/// follows `</think>` is asked first. A response that is cut off where one of these begins gives no answer.
enum AnswerExtraction {
    /// The answer, and where it is spread over several boxes also all of them as a list.
    static func candidates(_ response: String) -> [String] {
        let bytes = Array(response.utf8)
        let start = last("</think>", in: bytes[...])?.upperBound ?? 0
        switch found(bytes[start...]) {
        case .answer(let candidates): return candidates
        case .unfinished: return []
        // A model that stops after its thoughts has put its answer there.
        case .nothing:
            guard start > 0, case .answer(let candidates) = found(bytes[..<start]) else { return [] }
            return candidates
        }
    }

    private enum Found {
        case answer([String])
        /// The response ends where it was about to give its answer. What was said before is none.
        case unfinished
        case nothing

        init(_ text: String?) { self = text.map { .answer([$0]) } ?? .nothing }
    }

    private static func found(_ bytes: ArraySlice<UInt8>) -> Found {
        let boxes = AnswerBoxes(bytes)
        if let start = boxes.unfinished { return announced(bytes[start...]) ?? .unfinished }
        let boxed = boxes.candidates
        if !boxed.isEmpty { return .answer(boxed) }
        return announced(bytes) ?? Found(expression(bytes))
    }

    /// What a tag, a mark or a phrase says is the answer; nil without any of them.
    private static func announced(_ bytes: ArraySlice<UInt8>) -> Found? {
        if let tag = last("<answer>", in: bytes) {
            let rest = bytes[tag.upperBound...]
            let tagged = rest[..<(first("</answer>", in: rest)?.lowerBound ?? rest.endIndex)]
            if trimmed(tagged).isEmpty { return .unfinished }
            if let said = phrase(tagged) { return .answer([said]) }
            let text = trimmed(tagged)
            if isUnderstood(text) { return .answer([text]) }
            if let found = expression(tagged) { return .answer([found]) }
        }
        if let mark = last("####", in: bytes) {
            if trimmed(bytes[mark.upperBound...]).isEmpty { return .unfinished }
            let text = trimmed(line(bytes[mark.upperBound...]))
            if !text.isEmpty { return .answer([text]) }
        }
        if endsWithIntroduction(bytes) { return .unfinished }
        return phrase(bytes).map { .answer([$0]) }
    }

    private static func isUnderstood(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count < 500, let tokens = try? MathLexer.tokens(text) else { return false }
        return (try? MathParser.parse(tokens)) != nil
    }

    // MARK: Phrases

    /// What follows the last "answer is", "answer:" and the like, up to the end of the sentence.
    private static func phrase(_ bytes: ArraySlice<UInt8>) -> String? {
        var end = bytes.endIndex
        while let word = last("nswer", in: bytes[bytes.startIndex..<end]) {
            end = word.lowerBound
            guard let position = introduced(bytes, by: word) else { continue }
            let sentence = sentence(bytes[position...])
            let text = trimmed(sentence)
            if text.isEmpty { continue }
            if isUnderstood(text) { return text }
            return expression(sentence) ?? text
        }
        return nil
    }

    /// Where that begins which "answer", whose place is given, introduces.
    private static func introduced(_ bytes: ArraySlice<UInt8>, by word: Range<Int>) -> Int? {
        let position = skip(bytes, from: word.upperBound) { $0 == 0x20 || $0 == UInt8(ascii: "*") }
        guard let introduction = introductions.first(where: { bytes[position...].starts(with: $0.utf8) }) else { return nil }
        return skip(bytes, from: position + introduction.utf8.count) { $0 <= 0x20 || $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: ":") }
    }

    /// "The answer is", and nothing more.
    private static func endsWithIntroduction(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let word = last("nswer", in: bytes), let position = introduced(bytes, by: word) else { return false }
        return position == bytes.endIndex || bytes[position...].elementsEqual([UInt8(ascii: "$")])
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
        let number = ProseNumber.last(in: bytes)
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
                    if open.position < position, !isRaised(bytes[open.position]) { found = open.position..<position }
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

    /// The `$^2$` of `5 cm$^2$` belongs to what stands before it.
    private static func isRaised(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "^") || byte == UInt8(ascii: "_") }

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
