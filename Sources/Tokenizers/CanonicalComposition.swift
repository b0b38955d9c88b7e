/// Unicode normalisation form C over UTF-8, in time O(n log n) whatever the text (the standard library's takes minutes
/// for a megabyte of mixed combining marks).
///
/// Most text is normal already and is only scanned. A stretch that may not be, one character before it included, is decomposed,
/// put into canonical order and composed again (UAX 15).
enum CanonicalComposition {
    /// The composed text, or nil when `text` is composed already as far as a scan can tell.
    static func compose(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard var suspect = nextSuspect(in: text, from: 0) else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(text.count + 16)
        var copied = 0
        var segment = CanonicalSegment()
        while true {
            var start = suspect
            while start > copied {
                start -= 1
                if text[start] & 0xC0 != 0x80 { break }
            }
            output.append(contentsOf: text[copied..<start])
            var index = start
            repeat {
                let (scalar, length) = decodeScalar(text, at: index)
                segment.append(scalar)
                index += length
            } while index < text.count && (index <= suspect || !isStable(decodeScalar(text, at: index).scalar))
            segment.compose(into: &output)
            copied = index
            guard let next = nextSuspect(in: text, from: index) else { break }
            suspect = next
        }
        output.append(contentsOf: text[copied...])
        return output
    }

    /// Where the first character stands that is not stable.
    private static func nextSuspect(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < text.count {
            // Up to CB a lead byte begins characters below U+0300.
            if text[index] < 0xCC {
                index += 1
                continue
            }
            let (scalar, length) = decodeScalar(text, at: index)
            if !isStable(scalar) { return index }
            index += length
        }
        return nil
    }

    /// Whether the character stays as it is whatever stands before it, and nothing before it can move past it.
    static func isStable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x300, 0x400...0x482, 0x48A...0x590, 0x5D0...0x5EF, 0x620...0x64A, 0x1E00...0x1E99, 0x2010...0x205F, 0x2190...0x2328,
            0x232B...0x2ADB, 0x3000...0x3029, 0x3030...0x3098, 0x309B...0xA66E, 0xAC00...0xD7A3, 0x1F000...0x1FAFF, 0x20000...0x2F7FF:
            true
        default:
            !CanonicalData.shared.isUnstable(scalar)
        }
    }
}

/// A stretch of text between two characters that normalisation cannot move.
private struct CanonicalSegment {
    private var scalars: [UInt32] = []
    private var classes: [UInt8] = []

    mutating func append(_ scalar: Unicode.Scalar) {
        let data = CanonicalData.shared
        for part in data.decomposition(of: scalar) {
            scalars.append(part)
            classes.append(data.combiningClass(of: part))
        }
    }

    /// Appends the composed text and empties the segment.
    mutating func compose(into output: inout [UInt8]) {
        order()
        let data = CanonicalData.shared
        // Composition happens in place: what is written never overtakes what is read.
        var written = 0
        var starter: Int?
        var lastClass: UInt8 = 0
        for index in scalars.indices {
            let scalar = scalars[index]
            let combiningClass = classes[index]
            // A mark is blocked from its starter by one of its own class or higher between them, a starter by anything between them.
            if let starter, written == starter + 1 || lastClass < combiningClass && lastClass != 0,
                let composite = data.composite(scalars[starter], scalar)
            {
                scalars[starter] = composite
                continue
            }
            if combiningClass == 0 { starter = written }
            lastClass = combiningClass
            scalars[written] = scalar
            written += 1
        }
        for scalar in scalars[..<written] {
            if let scalar = Unicode.Scalar(scalar) { output.append(contentsOf: scalar.utf8) }
        }
        scalars.removeAll(keepingCapacity: true)
        classes.removeAll(keepingCapacity: true)
    }

    /// Sorts each run of marks by combining class, keeping the order of equals.
    private mutating func order() {
        var start = 0
        while start < scalars.count {
            guard classes[start] != 0 else {
                start += 1
                continue
            }
            var end = start + 1
            var sorted = true
            while end < scalars.count, classes[end] != 0 {
                sorted = sorted && classes[end - 1] <= classes[end]
                end += 1
            }
            if !sorted {
                let order = (start..<end).map { UInt64(classes[$0]) << 56 | UInt64($0) }.sorted()
                let marks = order.map { scalars[Int($0 & 0xFF_FFFF_FFFF_FFFF)] }
                for (offset, mark) in marks.enumerated() {
                    scalars[start + offset] = mark
                    classes[start + offset] = UInt8(order[offset] >> 56)
                }
            }
            start = end
        }
    }
}
