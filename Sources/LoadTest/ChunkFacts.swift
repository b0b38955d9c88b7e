#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the client needs to know of one chunk of a streamed answer, found by walking over its JSON once without building it: at a few
/// thousand tokens a second, on the machine under test, parsing each chunk would take time from the server.
package struct ChunkFacts: Equatable, Sendable {
    /// It carries generated text: `content`, `text`, `reasoning_content`, `reasoning` or a tool call's `arguments` that are not empty.
    package var hasText = false
    /// It carries a `finish_reason`.
    package var hasFinish = false
    /// It has a `usage` object.
    package var hasUsage = false
    /// It has an `error`.
    package var hasError = false

    /// - Returns: nil when `bytes` are no JSON object: strings, brackets and braces must close. Anything finer is not checked here.
    package init?(scanning bytes: UnsafeRawBufferPointer) {
        var position = Self.skipBlanks(bytes, from: 0)
        guard position < bytes.count, bytes[position] == UInt8(ascii: "{") else { return nil }
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
                if depth == 0 {
                    guard Self.skipBlanks(bytes, from: position) == bytes.count else { return nil }
                    return
                }
            case UInt8(ascii: "\""):
                guard let end = Self.stringEnd(bytes, from: position + 1) else { return nil }
                let name = position + 1..<end
                position = Self.skipBlanks(bytes, from: end + 1)
                guard position < bytes.count else { return nil }
                if bytes[position] == UInt8(ascii: ":") {
                    position = Self.skipBlanks(bytes, from: position + 1)
                    note(bytes, member: name, valueAt: position, depth: depth)
                }
            default: position += 1
            }
        }
        return nil
    }

    private mutating func note(_ bytes: UnsafeRawBufferPointer, member: Range<Int>, valueAt position: Int, depth: Int) {
        guard position + 1 < bytes.count, member.count >= 4 else { return }
        let opener = bytes[position]
        let isText = opener == UInt8(ascii: "\"")
        let isFilled = isText && bytes[position + 1] != UInt8(ascii: "\"")
        switch member.count {
        case 4: if isFilled, Self.equal(bytes, member, "text") { hasText = true }
        case 5:
            if depth == 1, opener == UInt8(ascii: "{"), Self.equal(bytes, member, "usage") { hasUsage = true }
            if depth == 1, isText || opener == UInt8(ascii: "{"), Self.equal(bytes, member, "error") { hasError = true }
        case 7: if isFilled, Self.equal(bytes, member, "content") { hasText = true }
        case 9: if isFilled, Self.equal(bytes, member, "reasoning") || Self.equal(bytes, member, "arguments") { hasText = true }
        case 13: if isFilled, Self.equal(bytes, member, "finish_reason") { hasFinish = true }
        case 17: if isFilled, Self.equal(bytes, member, "reasoning_content") { hasText = true }
        default: break
        }
    }

    /// The closing quote of the string that begins at `start`.
    private static func stringEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var search = start
        while search < bytes.count {
            guard let found = memchr(bytes.baseAddress! + search, 0x22, bytes.count - search) else { return nil }
            let quote = UnsafeRawPointer(found) - bytes.baseAddress!
            var backslashes = 0
            while quote - backslashes > start, bytes[quote - backslashes - 1] == UInt8(ascii: "\\") { backslashes += 1 }
            if backslashes % 2 == 0 { return quote }
            search = quote + 1
        }
        return nil
    }

    private static func skipBlanks(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while position < bytes.count, bytes[position] == 0x20 || (0x09...0x0D).contains(bytes[position]) { position += 1 }
        return position
    }

    private static func equal(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ name: StaticString) -> Bool {
        memcmp(bytes.baseAddress! + range.lowerBound, name.utf8Start, range.count) == 0
    }
}
