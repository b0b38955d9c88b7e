import Checkpoints
import JSONText

/// Reading `config.json`, in the keys of transformers 4 and of transformers 5.
extension ModelConfig {
    /// - Parameters:
    ///   - json: `config.json`.
    ///   - generation: `generation_config.json`; its `eos_token_id`s are added to the configuration's.
    ///   - folder: for error messages.
    ///   - architectures: those that are known.
    package init(
        huggingFace json: JSON, generation: JSON?, folder: String = "model", among architectures: [Architecture] = Architecture.all
    ) throws(CheckpointError) {
        let file = "\(folder)/config.json"
        let family = try ModelConfig.architecture(json, file, among: architectures)
        let keys = family.keys
        self.family = family
        block = family.block
        let unsupported: (what: String, advice: String)?
        do throws(JSONError) {
            unsupported = try ModelConfig.unsupportedFeature(json, family)
        } catch {
            throw error.inFile(file)
        }
        if let unsupported { throw .unsupported(file: file, what: unsupported.what, advice: unsupported.advice) }
        do throws(JSONError) {
            hiddenSize = try json.int(keys.hiddenSize)
            layers = try json.int(keys.layers)
            heads = try json.int(keys.heads)
            kvHeads = try json.optionalInt("num_key_value_heads") ?? heads
            ffnSize = try json.int(keys.ffnSize)
            vocabSize = try json.int("vocab_size")
            contextLength = try json.int(keys.contextLength)
            rmsEpsilon = Float(try json.double(keys.epsilon))
            if let explicit = try json.optionalInt("head_dim") {
                headDim = explicit
            } else {
                guard heads > 0, hiddenSize % heads == 0 else {
                    throw JSONError(
                        place: keys.heads, got: "\(heads)", wanted: "a divisor of \(keys.hiddenSize), \(hiddenSize), or head_dim given")
                }
                headDim = hiddenSize / heads
            }
            let attentionBias = try json.optionalBool("attention_bias") ?? false
            qkvBias = family.fixesQKVBias || attentionBias
            outputBias = !family.fixesQKVBias && attentionBias
            let feedForwardBias = try json.optionalBool("mlp_bias") ?? false
            mlpBias = !family.fixesQKVBias && feedForwardBias
            tiedEmbeddings = try json.optionalBool("tie_word_embeddings") ?? keys.tiesByDefault
            bosToken = try ModelConfig.tokens(json, "bos_token_id").first
            eosTokens = []
            for token in try ModelConfig.tokens(json, "eos_token_id") where !eosTokens.contains(token) { eosTokens.append(token) }
        } catch {
            throw error.inFile(file)
        }
        if let generation {
            let file = "\(folder)/generation_config.json"
            do throws(JSONError) {
                for token in try ModelConfig.tokens(generation, "eos_token_id") where !eosTokens.contains(token) { eosTokens.append(token) }
            } catch {
                throw error.inFile(file)
            }
        }
        (ropeTheta, ropeScaling) = try ModelConfig.rope(json, file, family)
        try check(file: file)
        do throws(JSONError) { try family.readFolder(json, &self) } catch { throw error.inFile(file) }
    }

    private static func architecture(
        _ json: JSON, _ file: String, among architectures: [Architecture]
    ) throws(CheckpointError) -> Architecture {
        let names: [String]
        do throws(JSONError) {
            names = try json.optionalStrings("architectures") ?? []
            if names.isEmpty, let type = try json.optionalString("model_type"),
                let architecture = Architecture.named(type, among: architectures)
            {
                return architecture
            }
        } catch {
            throw error.inFile(file)
        }
        if let architecture = architectures.first(where: { names.contains($0.huggingFaceName) }) { return architecture }
        let supported = architectures.map(\.huggingFaceName).sorted().joined(separator: ", ")
        throw .unsupported(
            file: file, what: "architecture \(names.isEmpty ? "(none named)" : names.joined(separator: ", "))",
            advice: "supported are \(supported)")
    }

    /// The first setting that would change the arithmetic and is not implemented; such a model is refused by name.
    private static func unsupportedFeature(_ json: JSON, _ family: Architecture) throws(JSONError) -> (what: String, advice: String)? {
        let key = family.keys.activation
        if family.block.feedForward == .gated(.silu), let activation = try json.optionalString(key), activation != "silu" {
            return ("\(key) \(activation)", "only silu is")
        }
        if let quantization = try json.optionalObject("quantization_config") {
            let method = quantization["quant_method"]?.string ?? "unnamed"
            return ("quantization_config of method \(method)", "use the unquantised checkpoint or a GGUF")
        }
        if family.readsAttention { return nil }
        if let fraction = try json.optionalDouble("partial_rotary_factor"), fraction != 1 {
            return ("partial_rotary_factor \(fraction)", "only 1 is")
        }
        return try slidingWindow(json, family)
    }

    /// `layer_types` decides where it is given; else `use_sliding_window`, under which layers from `max_window_layers` on slide.
    private static func slidingWindow(_ json: JSON, _ family: Architecture) throws(JSONError) -> (what: String, advice: String)? {
        if let types = try json.optionalStrings("layer_types") {
            return types.first { $0 != "full_attention" }.map { ("layer_types with \($0)", "only full_attention is") }
        }
        guard let window = try json.optionalInt("sliding_window") else { return nil }
        // Qwen2 leaves the window off unless told; for others the mere number switches it on.
        let use = try json.optionalBool("use_sliding_window")
        guard use ?? !family.slidingWindowIsOptIn else { return nil }
        let layers = try json.int(family.keys.layers)
        if let first = try json.optionalInt("max_window_layers"), first >= layers { return nil }
        return ("sliding-window attention (sliding_window \(window))", "set use_sliding_window to false if contexts stay below the window")
    }

    /// A token id, a list of them, or null.
    private static func tokens(_ json: JSON, _ key: String) throws(JSONError) -> [Int32] {
        guard let value = json[key], !value.isNull else { return [] }
        var tokens: [Int32] = []
        for element in value.array ?? [value] {
            guard let id = element.int, let token = Int32(exactly: id) else {
                throw JSONError(place: key, got: element.kind, wanted: "a token id or a list of them")
            }
            // Some configurations write -1 for "none".
            if token >= 0 { tokens.append(token) }
        }
        return tokens
    }
}

/// Rotary settings: `rope_parameters` of transformers 5, or `rope_theta` beside `rope_scaling`.
extension ModelConfig {
    private static func rope(
        _ json: JSON, _ file: String, _ family: Architecture
    ) throws(CheckpointError) -> (theta: Double, scaling: RoPEScaling?) {
        do throws(JSONError) {
            let outer = try json.optionalDouble("rope_theta")
            guard let key = ["rope_parameters", "rope_scaling"].first(where: { json[$0].map { !$0.isNull } ?? false }) else {
                return (outer ?? family.keys.defaultTheta, nil)
            }
            let parameters = JSON.object(try json.object(key))
            if !family.readsAttention, let fraction = try parameters.optionalDouble("partial_rotary_factor"), fraction != 1 {
                throw JSONError(place: "\(key).partial_rotary_factor", got: "\(fraction)", wanted: "1; others are not supported")
            }
            let theta = try parameters.optionalDouble("rope_theta") ?? outer ?? family.keys.defaultTheta
            return (theta, try scaling(parameters, key, json))
        } catch {
            throw error.inFile(file)
        }
    }

    private static func scaling(_ parameters: JSON, _ key: String, _ json: JSON) throws(JSONError) -> RoPEScaling? {
        let newName = try parameters.optionalString("rope_type")
        let oldName = try parameters.optionalString("type")
        switch newName ?? oldName ?? "default" {
        case "default":
            return nil
        case "linear":
            return .linear(factor: try positive(parameters, key, "factor"))
        case "llama3":
            let low = try positive(parameters, key, "low_freq_factor")
            let high = try positive(parameters, key, "high_freq_factor")
            guard low < high else {
                throw JSONError(place: "\(key).low_freq_factor", got: "\(low)", wanted: "less than high_freq_factor, \(high)")
            }
            return .llama3(
                factor: try positive(parameters, key, "factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
                originalContext: try positive(parameters, key, "original_max_position_embeddings"))
        case let type:
            throw JSONError(place: "\(key).rope_type", got: type, wanted: "default, linear or llama3; others are not supported")
        }
    }

    private static func positive(_ json: JSON, _ outer: String, _ key: String) throws(JSONError) -> Double {
        let value = try json.double(key)
        guard value.isFinite, value > 0 else { throw JSONError(place: "\(outer).\(key)", got: "\(value)", wanted: "a positive number") }
        return value
    }
}
