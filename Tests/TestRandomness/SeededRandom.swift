// TestRandomness: where every randomised test gets its seed and its numbers. It knows nothing of what is tested.

import Foundation

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed on every machine.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// With the seed of this run.
    package init(file: String = #fileID, test: String = #function) { self.init(seed: Self.seed(file: file, test: test)) }

    /// The seed of this run, which it prints: `RESA_TEST_SEED` where that is set, with `RESA_LONG_TESTS` a new one at every call, else
    /// always the same. A run that everyone repeats is to fail for what was changed, never for what was drawn; the long form looks for
    /// numbers that nobody has met yet.
    package static func seed(file: String = #fileID, test: String = #function) -> UInt64 {
        let seed: UInt64
        if let text = ProcessInfo.processInfo.environment["RESA_TEST_SEED"] {
            guard let given = UInt64(text) else { fatalError("RESA_TEST_SEED is \"\(text)\"; a seed is a whole number from 0 on") }
            seed = given
        } else {
            seed = LongTests.isOn ? .random(in: 0..<1 << 32) : 12
        }
        print("\(file) \(test): seed \(seed)")
        return seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Standard normal (Box and Muller 1958).
    package mutating func normal() -> Float {
        let u = Double.random(in: 1e-12..<1, using: &self)
        let v = Double.random(in: 0..<1, using: &self)
        return Float((-2 * log(u)).squareRoot() * cos(2 * .pi * v))
    }

    package mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }

    package mutating func bytes(_ count: Int) -> Data { Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }) }
}
