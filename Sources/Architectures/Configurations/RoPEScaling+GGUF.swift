import Checkpoints

/// Rotary settings of a GGUF file; some of them are tensors.
extension ModelConfig {
    mutating func readRotary(_ keys: GGUFKeys, _ prefix: String) throws(CheckpointError) {
        guard case .rotary = block.positions else { return }
        let path = keys.file.path
        if let rotated = try keys.optionalInt(prefix + "rope.dimension_count"), rotated != headDim {
            guard family.keys.rotaryFraction != nil else {
                throw .unsupported(
                    file: path, what: "rotating \(rotated) of \(headDim) head elements", advice: "use a model that rotates whole heads")
            }
            block.positions = .rotary(fraction: Double(rotated) / Double(headDim))
        } else if family.keys.rotaryFraction != nil {
            block.positions = .rotary(fraction: 1)
        }
        ropeScaling = try RoPEScaling(keys, prefix, rotatedWidth: rotatedWidth, contextLength: contextLength)
    }
}

extension RoPEScaling {
    /// Nil for none.
    /// - Parameter rotatedWidth: elements of a head that are rotated.
    init?(_ keys: GGUFKeys, _ prefix: String, rotatedWidth: Int, contextLength: Int) throws(CheckpointError) {
        func positive(_ key: String) throws(CheckpointError) -> Double? {
            guard let value = try keys.optionalDouble(prefix + key), value != 0 else { return nil }
            guard value.isFinite, value > 0 else {
                throw .malformed(file: keys.file.path, what: "key \(prefix)\(key)", got: "\(value)", wanted: "a positive number")
            }
            return value
        }
        func divisors(_ name: String) throws(CheckpointError) -> [Float]? {
            try Self.divisors(keys.file, name, rotatedWidth: rotatedWidth)
        }
        let type = try keys.optionalString(prefix + "rope.scaling.type") ?? "none"
        let original = try positive("rope.scaling.original_context_length")
        let listed = try divisors("rope_freqs.weight")
        if let long = try divisors("rope_factors_long.weight"), let short = try divisors("rope_factors_short.weight") {
            let context = Int(original ?? Double(contextLength))
            let factor = Double(contextLength) / Double(max(context, 1))
            self = .long(
                LongRoPE(
                    short: short, long: long, originalContext: context,
                    attentionFactor: try positive("rope.scaling.attn_factor") ?? LongRoPE.attentionFactor(factor, originalContext: context))
            )
            return
        }
        var linear: Double?
        switch type {
        case "none": linear = try positive("rope.scale_linear")
        case "linear": linear = try keys.double(prefix + "rope.scaling.factor")
        case "yarn":
            let factor = try keys.double(prefix + "rope.scaling.factor")
            guard factor.isFinite, factor > 0, let original else {
                throw .malformed(
                    file: keys.file.path, what: "\(prefix)rope.scaling", got: "factor \(factor)",
                    wanted: "a positive factor and an original_context_length")
            }
            // llama.cpp multiplies what YaRN has by it.
            let attention = try positive("rope.scaling.attn_factor") ?? 1
            var yarn = YaRN(factor: factor, originalContext: original)
            yarn.attentionFactor *= attention
            yarn.fastTurns = try positive("rope.scaling.yarn_beta_fast") ?? yarn.fastTurns
            yarn.slowTurns = try positive("rope.scaling.yarn_beta_slow") ?? yarn.slowTurns
            self = .yarn(yarn)
            return
        default:
            throw .unsupported(
                file: keys.file.path, what: "\(prefix)rope.scaling.type \(type)",
                advice: "none, linear, yarn, longrope and llama3 factors are")
        }
        if let factor = linear, factor != 1, factor != 0 {
            guard factor.isFinite, factor > 0, listed == nil else {
                throw .malformed(
                    file: keys.file.path, what: "\(prefix)rope scaling", got: "\(factor)",
                    wanted: "a positive factor, and not together with rope_freqs.weight")
            }
            self = .linear(factor: factor)
        } else if let listed {
            self = .divisors(listed)
        } else {
            return nil
        }
    }

    /// A tensor with a divisor for each rotated pair; nil where the file has none of that name.
    private static func divisors(_ file: GGUFFile, _ name: String, rotatedWidth: Int) throws(CheckpointError) -> [Float]? {
        guard let info = file.info(name) else { return nil }
        guard info.elementCount == rotatedWidth / 2 else {
            throw .wrongShape(file: file.path, tensor: info.name, got: info.shape, wanted: [rotatedWidth / 2])
        }
        let divisors = try file.floats(info.name)
        guard divisors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .malformed(file: file.path, what: info.name, got: "a factor that is not positive", wanted: "positive numbers")
        }
        return divisors
    }
}
