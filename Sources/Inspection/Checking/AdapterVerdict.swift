import Adapters
import Foundation
import Models

/// Whether an adapter suits a model, judged from what was found and measured; every judgement comes with its reason.
package struct AdapterVerdict: Sendable, Equatable {
    package enum Level: String, Sendable, Comparable {
        case fits
        case warnings = "fits with warnings"
        case unfit = "does not fit"

        private var rank: Int { self == .fits ? 0 : self == .warnings ? 1 : 2 }
        package static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }
    }

    package struct Reason: Sendable, Equatable {
        /// `warnings` or `unfit`.
        package let level: Level
        package let text: String
    }

    package private(set) var reasons: [Reason] = []
    package var level: Level { reasons.map(\.level).max() ?? .fits }

    /// A reconstruction that loses more than this is a poor picture of the activations.
    package static let poorFVU: Float = 0.5
    /// One that loses all of the variance is worse than the activations' mean.
    package static let uselessFVU: Float = 1
    /// Mean divergence, in nats per token, from which on the model with the adapter says something else altogether: exp(1) is nearly a
    /// factor of three in the probability of every token.
    package static let largeKL = 1.0

    package init() {}

    package mutating func refuse(_ text: String) { reasons.append(Reason(level: .unfit, text: text)) }
    package mutating func warn(_ text: String) { reasons.append(Reason(level: .warnings, text: text)) }

    package mutating func judge(_ differences: [BaseDifference]) {
        for difference in differences where difference.matters { warn(difference.text) }
    }

    /// - Parameters:
    ///   - what: the adapter as it was applied, such as "the LoRA at scale 1".
    ///   - isReconstruction: to change nothing is then the best it can do.
    package mutating func judge(_ drift: DistributionDrift, of what: String, isReconstruction: Bool = false) {
        let kl = drift.meanKL
        if !kl.isFinite {
            refuse("with \(what) the model's logits are no numbers")
        } else if drift.quantileKL(1) == 0, !isReconstruction {
            warn("\(what) changes nothing on this text")
        } else if kl > Self.largeKL {
            warn(String(format: "with \(what) the next-token distributions are %.2f nats from the base model's in the mean", kl))
        }
    }

    /// - Parameter fvu: without sequences' first positions where that is known.
    package mutating func judge(fvu: Float?, meanActive: Double, at hookpoint: HookPoint) {
        if meanActive == 0 {
            refuse("no latent of \(hookpoint) acts on this text")
        } else if let fvu {
            let text = String(format: "the reconstruction at \(hookpoint) loses %.2f of the variance (FVU)", fvu)
            if !fvu.isFinite || fvu >= Self.uselessFVU {
                refuse("\(text), no better than the mean of the activations")
            } else if fvu > Self.poorFVU {
                warn(text)
            }
        }
    }
}
