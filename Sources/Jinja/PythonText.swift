// Python's view of strings: sequences of code points with Python's own classes of characters.

extension Unicode.Scalar {
    /// Python's `str.isspace`.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Whether Python's `splitlines` breaks here.
    var isLineBreak: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Whether `repr` shows the character itself.
    var isPrintable: Bool {
        if value == 0x20 { return true }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator: return false
        default: return true
        }
    }

    var isCased: Bool { properties.isLowercase || properties.isUppercase || properties.generalCategory == .titlecaseLetter }
}

extension String {
    /// Ordered by code points, as Python does.
    func isBefore(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    var scalars: [Unicode.Scalar] { Array(unicodeScalars) }

    /// Strips characters from either end: white space, or those of `set`.
    func stripped(_ set: String? = nil, left: Bool = true, right: Bool = true) -> String {
        let members = set.map { Set($0.unicodeScalars) }
        func isStripped(_ scalar: Unicode.Scalar) -> Bool { members?.contains(scalar) ?? scalar.isPythonSpace }
        let view = unicodeScalars
        var start = view.startIndex
        var end = view.endIndex
        if left { while start < end, isStripped(view[start]) { start = view.index(after: start) } }
        if right {
            while start < end, isStripped(view[view.index(before: end)]) { end = view.index(before: end) }
        }
        return String(view[start..<end])
    }

    /// The byte offsets in `utf8` at which `needle` starts, without overlaps, at most `limit`.
    func occurrences(of needle: String, limit: Int = .max) -> [Int] {
        let (text, wanted) = (Array(utf8), Array(needle.utf8))
        guard !wanted.isEmpty, wanted.count <= text.count else { return [] }
        var found: [Int] = []
        var index = 0
        while index + wanted.count <= text.count, found.count < limit {
            if text[index] == wanted[0], text[index..<index + wanted.count].elementsEqual(wanted) {
                found.append(index)
                index += wanted.count
            } else {
                index += 1
            }
        }
        return found
    }

    func includes(_ needle: String) -> Bool { needle.isEmpty || !occurrences(of: needle, limit: 1).isEmpty }

    /// Cuts out the bytes of `range`, which must lie on character boundaries.
    func bytes(_ range: Range<Int>) -> String {
        let view = utf8
        return String(
            decoding: view[
                view.index(view.startIndex, offsetBy: range.lowerBound)..<view.index(view.startIndex, offsetBy: range.upperBound)],
            as: UTF8.self)
    }

    /// Python's `split(separator, limit)`.
    func split(on separator: String, limit: Int = .max) -> [String] {
        var parts: [String] = []
        var start = 0
        for offset in occurrences(of: separator, limit: limit) {
            parts.append(bytes(start..<offset))
            start = offset + separator.utf8.count
        }
        parts.append(bytes(start..<utf8.count))
        return parts
    }

    /// Python's `rsplit(separator, limit)`.
    func splitFromRight(on separator: String, limit: Int) -> [String] {
        let pieces = split(on: separator)
        guard pieces.count - 1 > limit else { return pieces }
        let kept = pieces.count - limit
        return [pieces[..<kept].joined(separator: separator)] + pieces[kept...]
    }

    /// Python's `split()` on runs of white space.
    func splitOnSpace(limit: Int = .max) -> [String] {
        var words: [String] = []
        let all = scalars
        var index = 0
        while true {
            while index < all.count, all[index].isPythonSpace { index += 1 }
            guard index < all.count else { return words }
            if words.count == limit {
                words.append(String(all[index...]))
                return words
            }
            let start = index
            while index < all.count, !all[index].isPythonSpace { index += 1 }
            words.append(String(all[start..<index]))
        }
    }

    /// Python's `rsplit()` on runs of white space.
    func splitOnSpaceFromRight(limit: Int) -> [String] {
        var words: [String] = []
        let all = scalars
        var index = all.count
        while true {
            while index > 0, all[index - 1].isPythonSpace { index -= 1 }
            guard index > 0 else { return words.reversed() }
            if words.count == limit {
                words.append(String(all[..<index]))
                return words.reversed()
            }
            let end = index
            while index > 0, !all[index - 1].isPythonSpace { index -= 1 }
            words.append(String(all[index..<end]))
        }
    }

    /// Python's `splitlines()`.
    func splitLines(keepingEnds: Bool = false) -> [String] {
        var lines: [String] = []
        let all = scalars
        var start = 0
        var index = 0
        while index < all.count {
            guard all[index].isLineBreak else {
                index += 1
                continue
            }
            let end = index
            index += all[index] == "\r" && index + 1 < all.count && all[index + 1] == "\n" ? 2 : 1
            lines.append(String(all[start..<(keepingEnds ? index : end)]))
            start = index
        }
        if start < all.count { lines.append(String(all[start...])) }
        return lines
    }

    /// Python's `replace(old, new, limit)`; an empty `old` goes between all characters.
    func replacing(_ old: String, by new: String, limit: Int = .max) -> String {
        guard old.isEmpty else { return limit == 0 ? self : split(on: old, limit: limit).joined(separator: new) }
        var out = ""
        var left = limit
        for scalar in unicodeScalars {
            if left > 0 {
                out += new
                left -= 1
            }
            out.unicodeScalars.append(scalar)
        }
        return left > 0 ? out + new : out
    }

    /// First character upper-case, the rest lower-case.
    var pythonCapitalized: String {
        guard let first = unicodeScalars.first else { return self }
        return first.properties.titlecaseMapping + String(String.UnicodeScalarView(unicodeScalars.dropFirst())).lowercased()
    }

    /// Python's `str.title`: every run of cased letters starts with a capital.
    var pythonTitle: String {
        var out = ""
        var wasCased = false
        for scalar in unicodeScalars {
            out += wasCased ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            wasCased = scalar.isCased
        }
        return out
    }

    /// Python's `islower` (`upper: false`) and `isupper` (`upper: true`).
    func hasOnlyCase(upper: Bool) -> Bool {
        var found = false
        for scalar in unicodeScalars where scalar.isCased {
            if upper ? !scalar.properties.isUppercase : !scalar.properties.isLowercase { return false }
            found = true
        }
        return found
    }
}
