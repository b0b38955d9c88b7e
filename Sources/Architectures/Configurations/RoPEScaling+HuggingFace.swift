import JSONText

/// Rotary settings: `rope_parameters` of transformers 5, or `rope_theta` beside `rope_scaling`.
extension ModelConfig {
    mutating func readRotary(_ json: JSON) throws(JSONError) {
        guard case .rotary(let usual) = block.positions else { return }
        let keys = family.keys
        ropeTheta = try json.optionalDouble(keys.theta) ?? keys.defaultTheta
        var fraction = try keys.rotaryFraction.flatMap { key throws(JSONError) in try json.optionalDouble(key) }
        if keys.rotaryFraction != "partial_rotary_factor" { try refuseFraction(json, "partial_rotary_factor") }
        if let key = ["rope_parameters", "rope_scaling"].first(where: { json[$0].map { !$0.isNull } ?? false }) {
            var (parameters, place) = (JSON.object(try json.object(key)), key)
            // Those of layers without windows; where the two kinds of layers differ, the architecture reads the other's.
            if let full = try parameters.optionalObject("full_attention") {
                (parameters, place) = (.object(full), "\(key).full_attention")
            }
            ropeTheta = try parameters.optionalDouble("rope_theta") ?? ropeTheta
            if keys.rotaryFraction == nil { try refuseFraction(parameters, "partial_rotary_factor") }
            fraction = try parameters.optionalDouble("partial_rotary_factor") ?? fraction
            ropeScaling = try RoPEScaling(parameters, place, json, contextLength: contextLength)
        }
        if keys.rotaryFraction != nil { block.positions = .rotary(fraction: fraction ?? usual) }
    }

    private func refuseFraction(_ json: JSON, _ key: String) throws(JSONError) {
        if family.keys.rotaryFraction == nil, let fraction = try json.optionalDouble(key), fraction != 1 {
            throw JSONError(place: key, got: "\(fraction)", wanted: "1: models of \(family) rotate whole heads")
        }
    }
}

extension RoPEScaling {
    /// Nil for none.
    /// - Parameters:
    ///   - place: of `parameters` in the configuration `json`.
    ///   - contextLength: of the model.
    init?(_ parameters: JSON, _ place: String, _ json: JSON, contextLength: Int) throws(JSONError) {
        func positive(_ key: String) throws(JSONError) -> Double? {
            guard let value = try parameters.optionalDouble(key) else { return nil }
            guard value.isFinite, value > 0 else { throw JSONError(place: "\(place).\(key)", got: "\(value)", wanted: "a positive number") }
            return value
        }
        func required(_ key: String) throws(JSONError) -> Double {
            guard let value = try positive(key) else { throw JSONError(place: "\(place).\(key)", got: "nothing", wanted: "a number") }
            return value
        }
        let newName = try parameters.optionalString("rope_type")
        let oldName = try parameters.optionalString("type")
        var type = newName ?? oldName ?? "default"
        let original = "original_max_position_embeddings"
        // What Phi-3's first configurations called it. Its `yarn` comes with a list too.
        if type == "su" || type == "yarn" && parameters["long_factor"] != nil { type = "longrope" }
        switch type {
        case "default":
            return nil
        case "linear":
            self = .linear(factor: try required("factor"))
        case "llama3":
            let low = try required("low_freq_factor")
            let high = try required("high_freq_factor")
            guard low < high else {
                throw JSONError(place: "\(place).low_freq_factor", got: "\(low)", wanted: "less than high_freq_factor, \(high)")
            }
            self = .llama3(
                factor: try required("factor"), lowFrequencyFactor: low, highFrequencyFactor: high, originalContext: try required(original))
        case "yarn":
            let context = try positive(original) ?? Double(contextLength)
            let factor = try positive("factor") ?? Double(contextLength) / context
            var yarn = YaRN(factor: factor, originalContext: context, attentionFactor: try positive("attention_factor"))
            if parameters["attention_factor"].map(\.isNull) ?? true, let m = try positive("mscale"),
                let all = try positive("mscale_all_dim")
            {
                yarn.attentionFactor = YaRN.attentionFactor(factor, m: m) / YaRN.attentionFactor(factor, m: all)
            }
            yarn.fastTurns = try positive("beta_fast") ?? yarn.fastTurns
            yarn.slowTurns = try positive("beta_slow") ?? yarn.slowTurns
            yarn.truncates = try parameters.optionalBool("truncate") ?? true
            self = .yarn(yarn)
        case "longrope":
            let inner = try parameters.optionalInt(original)
            let context = try json.optionalInt(original) ?? inner ?? contextLength
            guard context > 1 else { throw JSONError(place: original, got: "\(context)", wanted: "a number of positions") }
            let factor = try positive("factor") ?? Double(contextLength) / Double(context)
            self = .long(
                LongRoPE(
                    short: try Self.divisors(parameters, place, "short_factor"), long: try Self.divisors(parameters, place, "long_factor"),
                    originalContext: context,
                    attentionFactor: try positive("attention_factor") ?? LongRoPE.attentionFactor(factor, originalContext: context)))
        default:
            throw JSONError(
                place: "\(place).rope_type", got: type, wanted: "default, linear, llama3, yarn or longrope; others are not supported")
        }
    }

    private static func divisors(_ json: JSON, _ place: String, _ key: String) throws(JSONError) -> [Float] {
        var divisors: [Float] = []
        for value in try json.optionalArray(key) ?? [] {
            guard let number = value.double, Float(number).isFinite, Float(number) > 0 else {
                throw JSONError(place: "\(place).\(key)", got: value.kind, wanted: "positive numbers")
            }
            divisors.append(Float(number))
        }
        return divisors
    }
}
