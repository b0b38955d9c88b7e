import Checkpoints
import Foundation

/// One way in which positions turn heads.
package struct Rotary: Sendable, Equatable {
    /// The angle per position of each rotated pair, half as many as elements of a head are rotated.
    package let inverseFrequencies: [Float]
    /// What cosines and sines are multiplied with.
    package let factor: Float

    package init(inverseFrequencies: [Float], factor: Float) { (self.inverseFrequencies, self.factor) = (inverseFrequencies, factor) }
}

extension ModelConfig {
    /// The first elements of a head that are rotated, an even number; 0 where positions are learned.
    package var rotatedWidth: Int {
        guard case .rotary(let fraction) = block.positions else { return 0 }
        return Int(Double(headDim) * fraction)
    }

    /// The angle per position of each rotated pair, `theta^(-2i / rotatedWidth)`, scaled; and what goes with it.
    /// - Parameters:
    ///   - theta: a base of its own, which no scaling changes; nil for the model's.
    ///   - context: the positions that are served; nil for all that the model was trained for.
    package func rotary(theta: Double? = nil, context: Int? = nil) -> Rotary {
        let base = theta ?? ropeTheta
        let plain = (0..<rotatedWidth / 2).map { pair in
            1 / Float(pow(base, Double(Float(2 * pair) / Float(rotatedWidth))))
        }
        guard theta == nil, let ropeScaling else { return Rotary(inverseFrequencies: plain, factor: 1) }
        return Rotary(
            inverseFrequencies: ropeScaling.scale(plain, theta: base, context: context ?? contextLength),
            factor: ropeScaling.attentionFactor)
    }

    /// What layers turn heads by, each once, and which of it each layer takes; nothing where positions are learned.
    package func rotaries(context: Int? = nil) -> (all: [Rotary], ofLayer: [Int]) {
        guard rotatedWidth > 0 else { return ([], Array(repeating: 0, count: layers)) }
        var (all, ofLayer): ([Rotary], [Int]) = ([], [])
        for layer in 0..<layers {
            let rotary = rotary(theta: block.layers.isEmpty ? nil : block.layers[layer].ropeTheta, context: context)
            let index = all.firstIndex(of: rotary) ?? all.count
            if index == all.count { all.append(rotary) }
            ofLayer.append(index)
        }
        return (all, ofLayer)
    }

    /// Refuses heads that cannot be rotated as the configuration says.
    func checkRotary(file: String) throws(CheckpointError) {
        guard case .rotary(let fraction) = block.positions else { return }
        guard fraction.isFinite, fraction > 0, fraction <= 1, rotatedWidth > 0, rotatedWidth % 2 == 0 else {
            throw .malformed(
                file: file, what: "rotated part of a head", got: "\(fraction) of \(headDim)", wanted: "an even number of elements")
        }
        for theta in [ropeTheta] + block.layers.compactMap(\.ropeTheta) where !theta.isFinite || theta <= 0 {
            throw .malformed(file: file, what: "rope theta", got: "\(theta)", wanted: "a positive number")
        }
        for count in ropeScaling?.divisorCounts ?? [] where count != rotatedWidth / 2 {
            throw .malformed(
                file: file, what: "rotary divisors", got: "\(count)", wanted: "one for each of \(rotatedWidth / 2) rotated pairs")
        }
    }
}
