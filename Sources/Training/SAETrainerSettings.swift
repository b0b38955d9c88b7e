import Foundation
import JSONText

/// How an SAE is trained; everything here decides the result.
package struct SAETrainerSettings: Sendable, Equatable {
    package enum Optimiser: String, Sendable, CaseIterable {
        /// Signum: sign descent inside a schedule-free average.
        case signum
        /// Adam with warm-up and linear decay.
        case adam
    }

    package var k = 32
    package var latents: Int
    package var multiTopK = false
    /// The weight of AuxK in the loss; 0 for none.
    package var auxKAlpha = 0.0
    /// Tokens without firing after which a latent is dead.
    package var deadTokens = 10_000_000
    package var optimiser = Optimiser.signum
    /// Nil: `defaultRate`.
    package var rate: Double?
    /// Of Adam, in steps.
    package var warmUp = 1000
    /// Schedule-free momentum of Signum.
    package var momentum = 0.95
    package var seed: UInt64 = 0

    package init(latents: Int) { self.latents = latents }

    /// `5e-3 / sqrt(M / 2^14)` for Signum, `2e-4 / sqrt(M / 2^14)` for Adam.
    package var defaultRate: Double { (optimiser == .signum ? 5e-3 : 2e-4) / (Double(latents) / 16384).squareRoot() }

    /// The learning rate of step `step` (from 0) of `steps`.
    package func rate(step: Int, of steps: Int) -> Double {
        let base = rate ?? defaultRate
        guard optimiser == .adam else { return base }
        if step < warmUp { return base * Double(step) / Double(max(warmUp, 1)) }
        return base * max(Double(steps - step) / Double(max(steps - warmUp, 1)), 0)
    }

    package var json: JSON {
        [
            "k": .int(k), "latents": .int(latents), "multi_topk": .bool(multiTopK), "auxk_alpha": .double(auxKAlpha),
            "dead_tokens": .int(deadTokens), "optimiser": .string(optimiser.rawValue), "learning_rate": .double(rate ?? defaultRate),
            "warm_up_steps": .int(optimiser == .adam ? warmUp : 0), "momentum": .double(optimiser == .signum ? momentum : 0),
            "seed": .string(String(seed)),
        ]
    }

    /// - Throws: `ExtractError.badSetting`.
    package func check(width: Int) throws(ExtractError) {
        guard (1...(1 << 26)).contains(latents) else { throw .badSetting("\(latents) latents, wanted 1 to \(1 << 26)") }
        guard (1...latents).contains(k) else { throw .badSetting("k is \(k), wanted 1 to the \(latents) latents") }
        guard auxKAlpha >= 0, auxKAlpha.isFinite else { throw .badSetting("the weight of AuxK is \(auxKAlpha), wanted 0 or more") }
        guard deadTokens > 0 else { throw .badSetting("a latent is dead after \(deadTokens) tokens, wanted 1 or more") }
        guard warmUp >= 0 else { throw .badSetting("the warm-up is \(warmUp) steps, wanted 0 or more") }
        guard momentum > 0.5, momentum <= 1 else { throw .badSetting("the momentum is \(momentum), wanted above 0.5 and at most 1") }
        if let rate { guard rate > 0, rate.isFinite else { throw .badSetting("the learning rate is \(rate), wanted above 0") } }
    }
}
