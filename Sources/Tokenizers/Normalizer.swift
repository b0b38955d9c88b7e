/// What happens to text before it is cut into words.
struct Normalizer: Sendable {
    enum Step: Sendable {
        /// Canonical composition.
        case nfc
        /// Puts this before a text.
        case prepend([UInt8])
        /// Puts `with` wherever `old`, not empty, stands.
        case replace([UInt8], with: [UInt8])
        /// The same for the matches of a pattern.
        case replaceMatches(Pattern, with: [UInt8])
        /// SentencePiece's removal of extra white space: takes spaces away from the beginning, and all but one of several.
        case collapseSpaces
        /// Takes this away from the end, however often it stands there.
        case trimEnd([UInt8])
    }

    /// Applied in order.
    var steps: [Step] = []

    static let none = Normalizer()
    static let nfc = Normalizer(steps: [.nfc])

    /// The normalised text, or nil when `text`, valid UTF-8, is normal already.
    func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8]?
        for step in steps {
            let next = result.map { $0.withUnsafeBufferPointer { Self.apply(step, to: $0) } } ?? Self.apply(step, to: text)
            result = next ?? result
        }
        return result
    }

    func normalize(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { normalize($0) }.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    private static func apply(_ step: Step, to text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        switch step {
        case .nfc: CanonicalComposition.compose(text)
        case .prepend(let prefix): text.isEmpty ? nil : prefix + text
        case .replace(let old, let new): replace(old, with: new, in: text)
        case .replaceMatches(let pattern, let new): replace(pattern, with: new, in: text)
        case .collapseSpaces: collapseSpaces(text)
        case .trimEnd(let end): trim(end, from: text)
        }
    }

    private static func replace(_ old: [UInt8], with new: [UInt8], in text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let first = old.first, text.contains(first) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2)
        var copied = 0
        var index = 0
        while index + old.count <= text.count {
            if text[index] == first, old.count == 1 || text[index..<index + old.count].elementsEqual(old) {
                result.append(contentsOf: UnsafeBufferPointer(rebasing: text[copied..<index]))
                result.append(contentsOf: new)
                index += old.count
                copied = index
            } else {
                index += 1
            }
        }
        result.append(contentsOf: UnsafeBufferPointer(rebasing: text[copied...]))
        return result
    }

    private static func replace(_ pattern: Pattern, with new: [UInt8], in text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        let view = UnicodeStandIns.view(of: text) ?? Array(text)
        let memory = MatchMemory()
        view.withUnsafeBufferPointer { view in
            PreTokenizer.forEachPart(of: view, pattern, memory) { range, isMatch in
                result.append(contentsOf: isMatch ? new[...] : Array(text[range])[...])
            }
        }
        return result
    }

    private static func collapseSpaces(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for byte in text where byte != 0x20 || !(result.isEmpty || result.last == 0x20) { result.append(byte) }
        return result
    }

    private static func trim(_ end: [UInt8], from text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var count = text.count
        while count >= end.count, text[(count - end.count)..<count].elementsEqual(end) { count -= end.count }
        return count == text.count ? nil : Array(text[..<count])
    }
}
