import Foundation
import Kernels
import TestRandomness
import Testing

/// Each vector tier against the scalar oracle, on every shape of tail. Guard cells after the row show writes past its end.
@Suite struct RowTests {
    @Test(arguments: Tier.vector) func elementwise(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            let (x, y) = (random.floats(count), random.floats(count))
            for pair in [
                (run(y) { tier.kernels.add(count, x, $0) }, run(y) { Tier.scalar.kernels.add(count, x, $0) }),
                (run(y) { tier.kernels.store_row(count, x, nil, $0) }, x),
                (run(y) { tier.kernels.store_row(count, x, y, $0) }, zip(x, y).map { $0 + $1 }),
                // Fused: one rounding, as fmaf does.
                (run(y) { tier.kernels.axpy(count, 0.37, x, $0) }, zip(x, y).map { $1.addingProduct(0.37, $0) }),
            ] {
                expectSameBits(pair.0, pair.1, "\(count) elements")
            }
        }
    }

    @Test(arguments: Tier.vector) func sums(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            let (a, b) = (random.floats(count), random.floats(count))
            // f32 sums of n terms below 1: each of about n / 16 additions in a lane rounds by at most 2^-24 of the running sum.
            let bound = Float(count) * 0x1p-23
            #expect(abs(tier.kernels.dot(count, a, b) - Tier.scalar.kernels.dot(count, a, b)) <= bound)
            #expect(abs(tier.kernels.sum_of_squares(count, a) - Tier.scalar.kernels.sum_of_squares(count, a)) <= bound)
        }
    }

    @Test(arguments: Tier.vector) func normalisation(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            let (x, weight) = (random.floats(count), random.floats(count, 0.5...2))
            let got = run(x) { tier.kernels.rms_norm(count, x, weight, 1e-6, $0) }
            let wanted = run(x) { Tier.scalar.kernels.rms_norm(count, x, weight, 1e-6, $0) }
            #expect(worstError(got, wanted, floor: 1e-6) < 1e-6, "\(count) elements")
            let inPlace = run(x) { tier.kernels.rms_norm(count, $0, weight, 1e-6, $0) }
            expectSameBits(inPlace, got)
        }
    }

    @Test(arguments: Tier.all) func layerNorm(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            // A mean far from 0, which a single pass would lose the variance in.
            let (x, weight, bias) = (random.floats(count, 9...11), random.floats(count, 0.5...2), random.floats(count))
            let mean = x.reduce(0) { $0 + Double($1) } / Double(count)
            let variance = x.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
            let plain = zip(x, weight).map { (Double($0) - mean) / (variance + 1e-5).squareRoot() * Double($1) }
            // The mean of numbers up to 11 is off by 2^-20 at most, a few roundings of them; that is divided by the deviation.
            let bound = 0x1p-19 / (variance + 1e-5).squareRoot() + 1e-6
            let got = run(x) { tier.kernels.layer_norm(count, x, weight, nil, 1e-5, $0) }
            #expect(zip(got, plain).allSatisfy { abs(Double($0) - $1) <= bound * 2 }, "\(count) elements")
            let biased = run(x) { tier.kernels.layer_norm(count, x, weight, bias, 1e-5, $0) }
            #expect(zip(zip(biased, plain), bias).allSatisfy { abs(Double($0.0) - $0.1 - Double($1)) <= bound * 2 }, "\(count) elements")
            expectSameBits(run(x) { tier.kernels.layer_norm(count, $0, weight, bias, 1e-5, $0) }, biased, "\(count) elements, in place")
        }
        #expect(run([3, 3, 3]) { tier.kernels.layer_norm(3, [3, 3, 3], [1, 2, 3], [4, 5, 6], 1e-5, $0) } == [4, 5, 6])
    }

    @Test(arguments: Tier.all) func scale(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            let x = random.floats(count)
            expectSameBits(run(x) { tier.kernels.scale(count, 22.627417, $0) }, x.map { $0 * 22.627417 }, "\(count) elements")
        }
    }

    @Test(arguments: Tier.all) func exponential(_ tier: Tier) {
        var worst = 0.0
        var x = stride(from: Float(-87), through: 88, by: 0.00123).map { $0 }
        while x.count % 16 != 5 { x.append(0.5) }
        var got = x
        tier.kernels.exponential(x.count, x, &got)
        for (x, got) in zip(x, got) {
            let wanted = Foundation.exp(Double(x))
            worst = max(worst, abs(Double(got) - wanted) / Double(Float(wanted).ulp))
        }
        #expect(worst < 2, "\(worst) ulp")

        let special: [Float] = [0, -0.0, 1e-30, -.infinity, .infinity, .nan, -104, 89, -1e38, 1e38]
        var results = special
        tier.kernels.exponential(special.count, special, &results)
        #expect(results[0] == 1 && results[1] == 1 && results[2] == 1 && results[3] == 0 && results[4] == .infinity)
        #expect(results[5].isNaN && results[6] < 1e-37 && results[7] == .infinity && results[8] == 0 && results[9] == .infinity)
    }

    /// An element's exponential is the same bits wherever it stands in the row.
    @Test(arguments: Tier.vector) func exponentialIgnoresPlace(_ tier: Tier) {
        var random = SeededRandom()
        let x = random.floats(77, -20...5)
        var whole = x
        tier.kernels.exponential(x.count, x, &whole)
        for (i, x) in x.enumerated() {
            var alone: Float = 0
            tier.kernels.exponential(1, [x], &alone)
            #expect(alone.bitPattern == whole[i].bitPattern)
        }
    }

    @Test(arguments: Tier.all) func rotation(_ tier: Tier) {
        var random = SeededRandom()
        for half in Array(1...20) + [32, 48, 64] {
            let angles = random.floats(half, -3...3)
            let (cosine, sine) = (angles.map { cosf($0) }, angles.map { sinf($0) })
            let x = random.floats(2 * half)
            let halves = run(x) { tier.kernels.rotate_half(half, cosine, sine, $0) }
            let interleaved = run(x) { tier.kernels.rotate_interleaved(half, cosine, sine, $0) }
            for i in 0..<half {
                let (c, s) = (Double(cosine[i]), Double(sine[i]))
                func check(_ out: [Float], _ first: Int, _ second: Int) {
                    let (a, b) = (Double(x[first]), Double(x[second]))
                    #expect(abs(Double(out[first]) - (a * c - b * s)) < 3e-7)
                    #expect(abs(Double(out[second]) - (b * c + a * s)) < 3e-7)
                }
                check(halves, i, i + half)
                check(interleaved, 2 * i, 2 * i + 1)
            }
        }
    }

    @Test(arguments: Tier.all) func softmax(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            let x = random.floats(count, -30...30)
            let got = run(x) { tier.kernels.softmax(count, $0) }
            let largest = Double(x.max()!)
            let sum = x.reduce(0) { $0 + Foundation.exp(Double($1) - largest) }
            let wanted = x.map { Float(Foundation.exp(Double($0) - largest) / sum) }
            #expect(worstError(got, wanted, floor: 1e-30) < 4e-6, "\(count) elements")
            #expect(abs(Double(tier.kernels.log_sum_exp(count, x)) - (largest + log(sum))) < 4e-6)
            #expect(tier.kernels.maximum(count, x) == x.max()!)
        }
        let none = [Float](repeating: -.infinity, count: 37)
        #expect(run(none) { tier.kernels.softmax(37, $0) } == [Float](repeating: 0, count: 37))
        #expect(tier.kernels.log_sum_exp(37, none) == -.infinity)
        #expect(tier.kernels.log_sum_exp(3, [1, .infinity, 2]) == .infinity)
        #expect(run([-.infinity, 3, -.infinity]) { tier.kernels.softmax(3, $0) } == [0, 1, 0])
        #expect(tier.kernels.maximum(4, [.nan, 2, .nan, 1]) == 2)
    }
}
