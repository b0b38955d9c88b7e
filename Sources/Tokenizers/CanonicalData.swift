import Foundation

/// Decompositions, compositions and combining classes, from the runtime's Unicode tables cut down to Unicode 9: that is the version
/// which the reference implementation normalises with, and later characters pass it untouched.
struct CanonicalData: Sendable {
    static let shared = CanonicalData()

    private static let newest = (major: 9, minor: 0)
    /// Thai and Lao marks whose class later versions corrected: U+0EBA had none in Unicode 9.
    private static let corrected: UInt32 = 0xEBA
    /// Where characters with canonical decompositions are, Hangul syllables left out.
    private static let decomposable: [ClosedRange<UInt32>] = [
        0xC0...0x3FF, 0x400...0xFFF, 0x1000...0x10FF, 0x1B00...0x1BFF, 0x1E00...0x2AFF, 0x3000...0x30FF, 0xF900...0xFB4F,
        0x11000...0x119FF, 0x1D100...0x1D1FF, 0x2F800...0x2FA1F,
    ]

    // Hangul syllables are composed by arithmetic (The Unicode Standard, 3.12).
    private static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    private static let leading: ClosedRange<UInt32> = 0x1100...0x1112
    private static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
    private static let trailing: ClosedRange<UInt32> = 0x11A8...0x11C2

    private let decompositions: [UInt32: [UInt32]]
    private let composites: [UInt64: UInt32]
    /// Characters that a normal text does not hold, or that may join what stands before them.
    private let unstable: Set<UInt32>

    private init() {
        var decompositions: [UInt32: [UInt32]] = [:]
        var prefixes: [[UInt32]: UInt32] = [:]
        var pairs: [(whole: UInt32, parts: [UInt32])] = []
        var unstable: Set<UInt32> = []
        for value in Self.decomposable.joined() {
            guard let scalar = Unicode.Scalar(value), Self.isKnown(scalar) else { continue }
            let text = String(Character(scalar))
            let parts = text.decomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
            guard parts != [value] else { continue }
            decompositions[value] = parts
            // Singletons and composition exclusions do not come back.
            if text.precomposedStringWithCanonicalMapping.unicodeScalars.elementsEqual([scalar]) {
                prefixes[parts] = value
                pairs.append((value, parts))
            } else {
                unstable.insert(value)
            }
        }
        var composites: [UInt64: UInt32] = [:]
        for (whole, parts) in pairs {
            // The last step of composing: everything but the last character first, which is one character by then.
            let first = Array(parts.dropLast())
            guard let second = parts.last, let start = first.count == 1 ? first[0] : prefixes[first] else { continue }
            composites[Self.key(start, second)] = whole
            unstable.insert(second)
        }
        self.decompositions = decompositions
        self.composites = composites
        self.unstable = unstable
    }

    private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value != corrected, let age = scalar.properties.age else { return false }
        return (age.major, age.minor) <= newest
    }

    private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

    func combiningClass(of value: UInt32) -> UInt8 {
        guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return 0 }
        let combiningClass = scalar.properties.canonicalCombiningClass.rawValue
        return combiningClass == 0 || !Self.isKnown(scalar) ? 0 : combiningClass
    }

    func isUnstable(_ scalar: Unicode.Scalar) -> Bool {
        unstable.contains(scalar.value) || Self.vowels.contains(scalar.value) || Self.trailing.contains(scalar.value)
            || combiningClass(of: scalar.value) != 0
    }

    /// The full canonical decomposition; the character itself when it has none.
    func decomposition(of scalar: Unicode.Scalar) -> [UInt32] {
        let value = scalar.value
        if Self.syllables.contains(value) {
            let index = value - Self.syllables.lowerBound
            let pair = [Self.leading.lowerBound + index / 588, Self.vowels.lowerBound + index % 588 / 28]
            return index % 28 == 0 ? pair : pair + [Self.trailing.lowerBound + index % 28 - 1]
        }
        return decompositions[value] ?? [value]
    }

    /// The character that the two compose to.
    func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if Self.leading.contains(first), Self.vowels.contains(second) {
            return Self.syllables.lowerBound
                + ((first - Self.leading.lowerBound) * 21 + (second - Self.vowels.lowerBound)) * 28
        }
        if Self.syllables.contains(first), (first - Self.syllables.lowerBound) % 28 == 0, Self.trailing.contains(second) {
            return first + second - Self.trailing.lowerBound + 1
        }
        return composites[Self.key(first, second)]
    }
}
