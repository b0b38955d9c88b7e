import Foundation

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
