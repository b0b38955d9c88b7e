import Kernels

/// What is done with parameters and their gradients as long runs of numbers, in one order and with the same bits on every tier.
package enum TrainedNumbers {
    /// The sum of squares in f64.
    package static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double { resa_sum_of_squares(count, x) }

    /// Fills in `count` numbers uniform in [-bound, bound), which follow from `key` alone.
    package static func fillUniformly(_ x: UnsafeMutablePointer<Float>, count: Int, key: UInt64, bound: Float) {
        resa_uniform(count, key, bound, x)
    }

    /// out [columns, rows] = the transpose of x [rows, columns]; rows lie `xStride` and `outStride` apart.
    package static func transpose(
        _ x: UnsafePointer<Float>, rows: Int, columns: Int, xStride: Int, into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        resa_transpose(rows, columns, x, xStride, out, outStride)
    }
}

/// The constants of one step of AdamW (decoupled weight decay, bias-corrected), as PyTorch computes it.
package struct AdamWStep: BitwiseCopyable, Sendable {
    /// 1 - rate * weight decay.
    package var decay: Float
    package var beta1: Float
    package var beta2: Float
    /// rate / (1 - beta1^t)
    package var stepSize: Float
    /// sqrt(1 - beta2^t)
    package var rootCorrection: Float
    package var epsilon: Float
    /// What clipping multiplies gradients with.
    package var gradientScale: Float

    package init(
        decay: Float, beta1: Float, beta2: Float, stepSize: Float, rootCorrection: Float, epsilon: Float, gradientScale: Float
    ) {
        (self.decay, self.beta1, self.beta2, self.stepSize) = (decay, beta1, beta2, stepSize)
        (self.rootCorrection, self.epsilon, self.gradientScale) = (rootCorrection, epsilon, gradientScale)
    }

    /// Changes `count` parameters and their two moments.
    package func update(
        _ parameters: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, first: UnsafeMutablePointer<Float>,
        second: UnsafeMutablePointer<Float>, count: Int
    ) {
        var constants = resa_adamw(
            decay: decay, beta1: beta1, beta2: beta2, stepSize: stepSize, rootCorrection: rootCorrection, epsilon: epsilon,
            gradientScale: gradientScale)
        resa_adamw_step(&constants, count, parameters, gradients, first, second)
    }
}
