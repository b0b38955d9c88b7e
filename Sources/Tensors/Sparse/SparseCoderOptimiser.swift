import Kernels

/// One step of an optimiser: its numbers, and how it changes parameters.
package struct SparseCoderOptimiser {
    let kernel: resa_optimiser

    /// Sign descent inside a schedule-free average (Defazio et al. 2024). The first state is z; parameters are y, where gradients are taken.
    /// - Parameters:
    ///   - average: the weight of this step's z in the average x; 1 in the first step.
    ///   - momentum: y = x + (1 - momentum) (z - x).
    ///   - first: z begins as the parameters are.
    package static func signum(rate: Double, average: Double, momentum: Double, first: Bool) -> SparseCoderOptimiser {
        SparseCoderOptimiser(
            kernel: resa_optimiser(
                kind: RESA_OPTIMISER_SIGNUM, rate: Float(rate), first: first, average: Float(average), momentum: Float(momentum), decay1: 0,
                beta2: 0, correction2: 1, epsilon: 0))
    }

    /// Adam (Kingma and Ba 2015) as PyTorch computes it. - Parameter step: from 1.
    package static func adam(rate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, step: Int)
        -> SparseCoderOptimiser
    {
        SparseCoderOptimiser(
            kernel: resa_optimiser(
                kind: RESA_OPTIMISER_ADAM, rate: Float(rate / (1 - power(beta1, step))), first: false, average: 0, momentum: 1,
                decay1: Float(1 - beta1), beta2: Float(beta2), correction2: Float((1 - power(beta2, step)).squareRoot()),
                epsilon: Float(epsilon)))
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, base, exponent) = (1.0, base, exponent)
        while exponent > 0 {
            if exponent & 1 == 1 { result *= base }
            base *= base
            exponent >>= 1
        }
        return result
    }

    /// Writes the schedule-free average x of parameters y and state z, each `count` elements.
    package static func scheduleFreeAverage(
        momentum: Double, count: Int, parameters: UnsafePointer<Float>, state: UnsafePointer<Float>,
        into average: UnsafeMutablePointer<Float>
    ) {
        resa_schedule_free_average(Float(momentum), count, parameters, state, average)
    }
}
