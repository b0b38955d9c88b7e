import Foundation
import Measuring

extension Arm {
    /// What a control is written as: `random=NAME` or `shuffled=NAME`; nil for anything else. A random one is named after its seed.
    package init?(control text: String, seed: UInt64) {
        let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard sides.count == 2, !sides[1].isEmpty else { return nil }
        switch sides[0] {
        case "random": self.init(name: "\(sides[1])-random-\(seed)", role: .random(of: sides[1]))
        case "shuffled": self.init(name: sides[1], role: .shuffled)
        default: return nil
        }
    }

    package var isRandom: Bool { if case .random = role { true } else { false } }
}

extension RandomLoRA {
    /// Writes the random controls among `arms` into folders of `folder`.
    /// - Parameter adapters: the folder that what they are like lies in.
    /// - Throws: `EvaluationError.unusableControl`, or `.cannotWrite`.
    package static func write(
        controls arms: [Arm], of adapters: String, to folder: String, seed: UInt64
    ) throws(EvaluationError) {
        for arm in arms {
            guard case .random(let name) = arm.role else { continue }
            guard !name.contains("/"), !name.hasPrefix(".") else { throw .noSuchAdapter(name: name, adapters: adapters) }
            let source = URL(fileURLWithPath: adapters, isDirectory: true).appending(path: name)
            try write(
                like: source, name: name, to: URL(fileURLWithPath: folder, isDirectory: true).appending(path: arm.name), seed: seed)
        }
    }
}

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
