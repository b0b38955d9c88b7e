import TestRandomness

/// Damages a file in the ways that hurt readers: cuts, flipped bits, absurd lengths, misplaced syntax, parts of another file.
struct Mutator {
    private var numbers: SeededRandom

    init(_ numbers: SeededRandom) { self.numbers = numbers }

    private mutating func random(below bound: Int) -> Int { Int(numbers.next() % UInt64(max(bound, 1))) }

    mutating func pick<T>(_ choices: [T]) -> T { choices[random(below: choices.count)] }

    mutating func mutate(_ original: [UInt8], with others: [[UInt8]]) -> [UInt8] {
        var bytes = original
        for _ in 0...random(below: 4) where !bytes.isEmpty { mutateOnce(&bytes, others) }
        return bytes
    }

    private mutating func mutateOnce(_ bytes: inout [UInt8], _ others: [[UInt8]]) {
        // Structure lies at the start of most formats: half of the changes go there.
        let place = random(below: random(below: 2) == 0 ? min(bytes.count, 512) : bytes.count)
        switch random(below: 9) {
        case 0: bytes[place] ^= 1 << UInt8(random(below: 8))
        case 1: bytes[place] = UInt8(random(below: 256))
        case 2: bytes.removeLast(1 + random(below: bytes.count))
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random(below: 16)))
        case 4: bytes.insert(contentsOf: pick(Self.words).utf8, at: place)
        case 5: overwrite(&bytes, at: place)
        case 6: replaceNumber(&bytes, from: place)
        case 7:
            let piece = bytes[place..<min(bytes.count, place + 1 + random(below: 64))]
            bytes.insert(contentsOf: piece, at: random(below: bytes.count))
        default:
            let other = pick(others)
            guard !other.isEmpty else { return }
            let start = random(below: other.count)
            bytes.insert(contentsOf: other[start..<min(other.count, start + 1 + random(below: 64))], at: place)
        }
    }

    /// Puts an absurd little-endian count, length or offset over whatever is there.
    private mutating func overwrite(_ bytes: inout [UInt8], at place: Int) {
        let value = pick(Self.counts)
        let width = pick([1, 2, 4, 8])
        for offset in 0..<width where place + offset < bytes.count {
            bytes[place + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset))
        }
    }

    /// Replaces the next decimal number of a text by an awkward one.
    private mutating func replaceNumber(_ bytes: inout [UInt8], from place: Int) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let start = bytes[place...].firstIndex(where: digits.contains) else { return }
        let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: pick(Self.numbers).utf8)
    }

    private static let words = [
        "{", "}", "[", "]", "\"", ",", ":", "\\", "\\u", "\\ud800", "null", "true", "-", "e", "NaN", "[[[[[[[[", "{\"a\":", "\u{0}", "🙂",
        "{{", "}}",
        "{%", "%}", "{% for x in y %}", "{% if ", "(", ")", "|", "~", "**", "..", "[::", "(?", "*", "+", "\\p{L}", "{9999}", "(?R)",
    ]
    private static let counts: [UInt64] = [
        0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40, 1 << 61, 1 << 62, 1 << 63, UInt64.max,
        UInt64.max - 31,
    ]
    private static let numbers = [
        "0", "1", "-1", "2", "1.5", "65536", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
        "18446744073709551615", "1e999", "1e-999",
        "1e18", "NaN", "Infinity", "null", "\"1\"", "[]", "{}",
    ]
}
