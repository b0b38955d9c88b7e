import Foundation

/// How the rotary frequencies are changed to reach longer contexts than the model was first trained on.
package enum RoPEScaling: Sendable, Equatable {
    /// Llama 3.1: long wavelengths divided by `factor`, short ones kept, a smooth passage between.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Double)
    /// All frequencies divided by `factor` (position interpolation).
    case linear(factor: Double)
    /// Frequency i divided by element i: what GGUF's `rope_freqs.weight` holds for the llama3 rule. `headDim / 2` elements.
    case divisors([Float])

    /// The frequencies after scaling, in f32 like transformers (`modeling_rope_utils`).
    package func scale(_ frequencies: [Float]) -> [Float] {
        switch self {
        case .linear(let factor):
            return frequencies.map { $0 / Float(factor) }
        case .divisors(let divisors):
            return zip(frequencies, divisors).map { $0 / $1 }
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
}

extension ModelConfig {
    /// The angle per position of each rotated pair, `[headDim / 2]`: `theta^(-2i / headDim)`, scaled.
    package func inverseFrequencies() -> [Float] {
        let plain = (0..<headDim / 2).map { pair in
            1 / Float(pow(ropeTheta, Double(Float(2 * pair) / Float(headDim))))
        }
        return ropeScaling?.scale(plain) ?? plain
    }
}
