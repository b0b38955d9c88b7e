import Foundation
import Measuring

/// Standard normal numbers by Box and Muller's method: the same for the same seed.
struct NormalNumbers {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func next(count: Int, scale: Double) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(count + 1)
        while values.count < count {
            // Never the logarithm of zero.
            let radius = (-2 * log(1 - generator.nextUnit())).squareRoot() * scale
            let angle = 2 * Double.pi * generator.nextUnit()
            values.append(Float(radius * cos(angle)))
            values.append(Float(radius * sin(angle)))
        }
        values.removeLast(values.count - count)
        return values
    }
}
