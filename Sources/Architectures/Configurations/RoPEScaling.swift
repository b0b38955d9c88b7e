import Foundation

/// How the rotary frequencies are changed to reach longer contexts than the model was first trained on.
package enum RoPEScaling: Sendable, Equatable {
    /// Llama 3.1: long wavelengths divided by `factor`, short ones kept, a smooth passage between.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Double)
    /// All frequencies divided by `factor` (position interpolation).
    case linear(factor: Double)
    /// Frequency i divided by element i: what GGUF's `rope_freqs.weight` holds for the llama3 rule. One for each rotated pair.
    case divisors([Float])
    case yarn(YaRN)
    case long(LongRoPE)

    /// Peng et al., 2023: pairs that turn often in the original context keep their frequency, pairs that never turn once have it divided by
    /// `factor`, with a ramp between; cosines and sines are multiplied by `attentionFactor`.
    package struct YaRN: Sendable, Equatable {
        package var factor: Double
        package var originalContext: Double
        /// Turns in the original context from which on a frequency is kept, and below which it is divided.
        package var fastTurns = 32.0
        package var slowTurns = 1.0
        package var attentionFactor: Double
        /// Whether the ends of the ramp are whole pairs.
        package var truncates = true

        package init(factor: Double, originalContext: Double, attentionFactor: Double? = nil) {
            (self.factor, self.originalContext) = (factor, originalContext)
            self.attentionFactor = attentionFactor ?? Self.attentionFactor(factor)
        }

        /// `0.1 m ln(factor) + 1`
        package static func attentionFactor(_ factor: Double, m: Double = 1) -> Double { factor <= 1 ? 1 : 0.1 * m * log(factor) + 1 }

        func scale(_ frequencies: [Float], theta: Double) -> [Float] {
            let width = Double(2 * frequencies.count)
            func pair(_ turns: Double) -> Double { width * log(originalContext / (turns * 2 * .pi)) / (2 * log(theta)) }
            var (low, high) = (pair(fastTurns), pair(slowTurns))
            if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            (low, high) = (max(low, 0), min(high, width - 1))
            if low == high { high += 0.001 }
            return frequencies.enumerated().map { index, frequency in
                let kept = 1 - Float(min(max((Double(index) - low) / (high - low), 0), 1))
                return frequency / Float(factor) * (1 - kept) + frequency * kept
            }
        }
    }

    /// Ding et al., 2024: a divisor for each frequency, one list for contexts up to the original and one for longer ones. Cosines and sines are
    /// multiplied by `attentionFactor` with either.
    ///
    /// Which list is taken follows from the context that is served, not from a request's length: keys that are in the cache stay as they are.
    package struct LongRoPE: Sendable, Equatable {
        package var short: [Float]
        package var long: [Float]
        package var originalContext: Int
        package var attentionFactor: Double

        package init(short: [Float], long: [Float], originalContext: Int, attentionFactor: Double) {
            (self.short, self.long, self.originalContext, self.attentionFactor) = (short, long, originalContext, attentionFactor)
        }

        /// `sqrt(1 + ln(factor) / ln(original))` for a context `factor` times as long as the original.
        package static func attentionFactor(_ factor: Double, originalContext: Int) -> Double {
            factor <= 1 ? 1 : (1 + log(factor) / log(Double(originalContext))).squareRoot()
        }
    }

    /// The frequencies after scaling, in f32 like transformers (`modeling_rope_utils`).
    /// - Parameters:
    ///   - theta: the base that they were made of.
    ///   - context: the positions that are served.
    package func scale(_ frequencies: [Float], theta: Double, context: Int) -> [Float] {
        switch self {
        case .linear(let factor):
            return frequencies.map { $0 / Float(factor) }
        case .divisors(let divisors):
            return zip(frequencies, divisors).map { $0 / $1 }
        case .yarn(let yarn):
            return yarn.scale(frequencies, theta: theta)
        case .long(let rope):
            return zip(frequencies, context > rope.originalContext ? rope.long : rope.short).map { $0 / $1 }
        case .llama3(let factor, let low, let high, let original):
            let longest = Float(original / low)
            let shortest = Float(original / high)
            return frequencies.map { frequency in
                let wavelength = Float(2 * Double.pi) / frequency
                if wavelength > longest { return frequency / Float(factor) }
                if wavelength < shortest { return frequency }
                let smooth = (Float(original) / wavelength - Float(low)) / Float(high - low)
                return (1 - smooth) * frequency / Float(factor) + smooth * frequency
            }
        }
    }

    /// What cosines and sines are multiplied with.
    package var attentionFactor: Float {
        switch self {
        case .yarn(let yarn): Float(yarn.attentionFactor)
        case .long(let rope): Float(rope.attentionFactor)
        case .linear, .divisors, .llama3: 1
        }
    }

    /// Divisors by pair, where it has such.
    package var divisorCounts: [Int] {
        switch self {
        case .divisors(let divisors): [divisors.count]
        case .long(let rope): [rope.short.count, rope.long.count]
        case .linear, .llama3, .yarn: []
        }
    }
}
