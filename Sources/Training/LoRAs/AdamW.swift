import Foundation
import Tensors

/// AdamW (Loshchilov and Hutter, 2019) as PyTorch computes it: decay first, then the bias-corrected step.
package struct AdamW: Sendable, Equatable {
    package var beta1 = 0.9
    package var beta2 = 0.999
    package var epsilon = 1e-8
    package var weightDecay = 0.01

    package init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01) {
        (self.beta1, self.beta2, self.epsilon, self.weightDecay) = (beta1, beta2, epsilon, weightDecay)
    }

    /// Changes `count` parameters, from 1 on step `step` times before, by `gradientScale` times their gradients.
    package func update(
        _ parameters: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, first: UnsafeMutablePointer<Float>,
        second: UnsafeMutablePointer<Float>, count: Int, step: Int, rate: Double, gradientScale: Double
    ) {
        let constants = AdamWStep(
            decay: Float(1 - rate * weightDecay), beta1: Float(beta1), beta2: Float(beta2),
            stepSize: Float(rate / (1 - pow(beta1, Double(step)))), rootCorrection: Float((1 - pow(beta2, Double(step))).squareRoot()),
            epsilon: Float(epsilon), gradientScale: Float(gradientScale))
        constants.update(parameters, gradients: gradients, first: first, second: second, count: count)
    }

    /// One step of a LoRA's trained projections, number `step` from 1.
    package func update(_ lora: LoRAParameters, step: Int, rate: Double, gradientScale: Double, pool: WorkerPool) {
        pool.parallel(lora.entries.count) { index in
            let entry = lora.entries[index]
            guard entry.trains else { return }
            let offset = entry.offset
            update(
                lora.values.pointer + offset, gradients: lora.gradients.pointer + offset, first: lora.first.pointer + offset,
                second: lora.second.pointer + offset, count: entry.count(lora.rank), step: step, rate: rate, gradientScale: gradientScale)
        }
    }

    /// What `torch.nn.utils.clip_grad_norm_` multiplies gradients of that norm with.
    package static func clip(norm: Double, limit: Double?) -> Double {
        guard let limit else { return 1 }
        return min(1, limit / (norm + 1e-6))
    }
}

/// The learning rate by step: linear warm-up from 0, then constant, linearly to 0, or along half a cosine to 0, as `transformers` has them.
package struct LearningRate: Sendable, Equatable {
    package enum Schedule: String, Sendable, CaseIterable { case constant, linear, cosine }

    package var peak: Double
    package var schedule: Schedule
    package var warmup: Int
    package var steps: Int

    package init(peak: Double, schedule: Schedule, warmup: Int, steps: Int) {
        (self.peak, self.schedule, self.warmup, self.steps) = (peak, schedule, warmup, steps)
    }

    /// The rate of step `step`, counted from 0.
    package func rate(_ step: Int) -> Double {
        if step < warmup { return peak * Double(step) / Double(max(1, warmup)) }
        let progress = Double(step - warmup) / Double(max(1, steps - warmup))
        switch schedule {
        case .constant: return peak
        case .linear: return peak * max(0, 1 - progress)
        case .cosine: return peak * max(0, 0.5 * (1 + cos(.pi * progress)))
        }
    }
}
