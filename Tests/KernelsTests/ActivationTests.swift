import Foundation
import Kernels
import TestRandomness
import Testing

/// Activations and caps of every tier against libm in double, on every shape of tail.
@Suite struct ActivationTests {
    private static let activations = [RESA_SILU, RESA_GELU, RESA_GELU_TANH]
    private static let cases = Tier.all.flatMap { tier in activations.map { (tier, $0) } }

    private static func wanted(_ activation: resa_activation, _ x: Double) -> Double {
        switch activation {
        case RESA_SILU: x / (1 + exp(-x))
        case RESA_GELU: x * erfc(-x / 2.0.squareRoot()) / 2
        // 1 + tanh(z) loses what a large negative z leaves; 2 / (1 + exp(-2 z)) is the same.
        default: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }

    /// Relative to the result, however small: a few roundings and the exponential's 2 ulp. The argument y of tanh-GELU's exponential carries
    /// four roundings of 2^-24 of itself, which the exponential makes a relative error of y times that.
    private static func bound(_ activation: resa_activation, _ x: Double) -> Double {
        let y = activation == RESA_GELU_TANH ? 1.6 * abs(x + 0.044715 * x * x * x) : 0
        return 1e-6 + (x < 0 ? y * 0x1p-22 : 0)
    }

    @Test(arguments: cases) func values(_ tier: Tier, _ activation: resa_activation) {
        var random = SeededRandom()
        // Down to results of about 1e-37.
        let x = stride(from: Float(-12), through: 12, by: 0.00137).map { $0 } + random.floats(1001, -1e-3...1e-3)
        let got = run(x) { tier.kernels.activate(activation, x.count, x, nil, $0) }
        var worst = 0.0
        for (x, got) in zip(x, got) {
            let wanted = Self.wanted(activation, Double(x))
            if abs(wanted) < 1e-37 { continue }
            worst = max(worst, abs(Double(got) - wanted) / abs(wanted) / Self.bound(activation, Double(x)))
        }
        print("activation \(activation.rawValue), \(tier.testDescription): \(worst) of the bound")
        #expect(worst <= 1)
    }

    /// An element has the same bits wherever it stands, in place or not; a gate multiplies once more.
    @Test(arguments: cases) func tails(_ tier: Tier, _ activation: resa_activation) {
        var random = SeededRandom()
        for count in lengths {
            let (gate, up) = (random.floats(count, -12...12), random.floats(count))
            let alone = gate.map { x in
                var y: Float = 0
                tier.kernels.activate(activation, 1, [x], nil, &y)
                return y
            }
            expectSameBits(run(up) { tier.kernels.activate(activation, count, gate, nil, $0) }, alone, "\(count) elements")
            expectSameBits(run(gate) { tier.kernels.activate(activation, count, $0, nil, $0) }, alone, "\(count) elements in place")
            let products = zip(alone, up).map { $0 * $1 }
            expectSameBits(run(gate) { tier.kernels.activate(activation, count, gate, up, $0) }, products, "\(count) elements, gated")
            expectSameBits(run(up) { tier.kernels.activate(activation, count, gate, $0, $0) }, products, "\(count) elements over up")
        }
    }

    @Test(arguments: cases) func extremes(_ tier: Tier, _ activation: resa_activation) {
        let x: [Float] = [-1e30, -200, -100, 0, -0.0, 100, 1e30, .infinity, .nan]
        let got = run(x) { tier.kernels.activate(activation, x.count, x, nil, $0) }
        #expect(got[0] == 0 && got[1] == 0 && abs(got[2]) < 1e-35 && got[3] == 0 && got[4] == 0)
        #expect(got[5] == 100 && got[6] == 1e30 && got[7] == .infinity && got[8].isNaN)
    }

    /// cap * tanh(x / cap) within 1e-6 of itself, from the smallest x to those that reach the cap.
    @Test(arguments: Tier.all) func cap(_ tier: Tier) {
        var random = SeededRandom()
        for cap: Float in [1, 30, 50] {
            var x = stride(from: Float(-12), through: 12, by: 0.00191).map { $0 * cap }
            for scale: Float in [1e-1, 1e-3, 1e-10, 1e-30] { x += random.floats(333, -scale...scale) }
            let got = run(x) { tier.kernels.cap(x.count, cap, $0) }
            var worst = 0.0
            for (x, got) in zip(x, got) {
                let wanted = Double(cap) * tanh(Double(x) / Double(cap))
                if wanted != 0 { worst = max(worst, abs(Double(got) - wanted) / abs(wanted)) }
            }
            print("cap \(cap), \(tier.testDescription): relative error \(worst)")
            #expect(worst < 1e-6)
            #expect(got.allSatisfy { abs($0) <= cap })
        }
        let special: [Float] = [0, -0.0, 1e38, -1e38, .infinity, -.infinity, .nan]
        let got = run(special) { tier.kernels.cap(special.count, 30, $0) }
        #expect(got[0] == 0 && got[1] == 0 && got[2] == 30 && got[3] == -30 && got[4] == 30 && got[5] == -30 && got[6].isNaN)
        for count in lengths {
            let x = random.floats(count, -100...100)
            let alone = x.map { x in
                var y = x
                tier.kernels.cap(1, 30, &y)
                return y
            }
            expectSameBits(run(x) { tier.kernels.cap(count, 30, $0) }, alone, "\(count) elements")
        }
    }
}
