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

    /// By name, for telling whether a checkpoint belongs to the same run, and for the manifest.
    func facts() -> JSONObject {
        [
            "k": .int(k), "latents": .int(latents), "multi_topk": .bool(multiTopK), "auxk_alpha": .double(auxKAlpha),
            "dead_tokens": .int(deadTokens), "optimiser": .string(optimiser.rawValue), "rate": .double(rate ?? defaultRate),
            "warmup": .int(optimiser == .adam ? warmUp : 0), "momentum": .double(optimiser == .signum ? momentum : 0),
            "seed": .string(String(seed)),
        ]
    }

    /// - Throws: `TrainingError.badSetting`.
    func check() throws(TrainingError) {
        func require(_ holds: Bool, _ name: String, _ problem: String) throws(TrainingError) {
            if !holds { throw .badSetting(name: name, problem: problem) }
        }
        try require((1...(1 << 26)).contains(latents), "--latents", "is \(latents), but must be from 1 to \(1 << 26)")
        try require((1...max(latents, 1)).contains(k), "--k", "is \(k), but must be from 1 to the \(latents) latents")
        try require(auxKAlpha >= 0 && auxKAlpha.isFinite, "--auxk", "is \(auxKAlpha), but must be 0 or more")
        try require(deadTokens > 0, "--dead-tokens", "is \(deadTokens), but must be 1 or more")
        try require(warmUp >= 0, "--warmup", "is \(warmUp), but must be 0 or more")
        try require(momentum > 0.5 && momentum <= 1, "--momentum", "is \(momentum), but must be above 0.5 and at most 1")
        let rate = rate ?? defaultRate
        try require(rate > 0 && rate.isFinite, "--rate", "is \(rate), but must be above 0")
    }
}
