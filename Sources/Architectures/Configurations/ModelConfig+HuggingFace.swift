import Checkpoints
import JSONText

/// Reading `config.json`, in the keys of transformers 4 and of transformers 5.
extension ModelConfig {
    /// - Parameters:
    ///   - whole: `config.json`.
    ///   - generation: `generation_config.json`; its `eos_token_id`s are added to the configuration's.
    ///   - folder: for error messages.
    ///   - architectures: those that are known.
    package init(
        huggingFace whole: JSON, generation: JSON?, folder: String = "model", among architectures: [Architecture] = Architecture.all
    ) throws(CheckpointError) {
        let file = "\(folder)/config.json"
        let family = try ModelConfig.architecture(whole, file, among: architectures)
        let json = family.textConfiguration(whole)
        let keys = family.keys
        self.family = family
        block = family.block
        do throws(JSONError) {
            if let quantization = try json.optionalObject("quantization_config") {
                let method = quantization["quant_method"]?.string ?? "unnamed"
                throw JSONError(
                    place: "quantization_config", got: "method \(method)", wanted: "none: use the unquantised checkpoint or a GGUF")
            }
            block.feedForward = try ModelConfig.feedForward(json, family)
            hiddenSize = try json.int(keys.hiddenSize)
            layers = try json.int(keys.layers)
            heads = try json.int(keys.heads)
            kvHeads = try json.optionalInt("num_key_value_heads") ?? heads
            if let multiple = keys.defaultFFNMultiple {
                ffnSize = try json.optionalInt(keys.ffnSize) ?? hiddenSize.multipliedReportingOverflow(by: multiple).partialValue
            } else {
                ffnSize = try json.int(keys.ffnSize)
            }
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
        (ropeTheta, ropeScaling) = (keys.defaultTheta, nil)
        try check(file: file)
        do throws(JSONError) {
            try readRotary(json)
            try readWindows(json)
            try family.readFolder(json, &self)
        } catch {
            throw error.inFile(file)
        }
        try checkRotary(file: file)
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
        if let architecture = architectures.first(where: { !Set(names).isDisjoint(with: [$0.huggingFaceName] + $0.wrappers) }) {
            return architecture
        }
        let supported = architectures.map(\.huggingFaceName).sorted().joined(separator: ", ")
        throw .unsupported(
            file: file, what: "architecture \(names.isEmpty ? "(none named)" : names.joined(separator: ", "))",
            advice: "supported are \(supported)")
    }

    /// The activation that the configuration names, else the architecture's own.
    private static func feedForward(_ json: JSON, _ family: Architecture) throws(JSONError) -> BlockDescription.FeedForward {
        for key in family.keys.activation {
            guard let name = try json.optionalString(key) else { continue }
            let activation: BlockDescription.Activation
            switch name {
            case family.keys.callsTanhGELU, "gelu_new", "gelu_pytorch_tanh", "gelu_fast": activation = .tanhGELU
            case "gelu": activation = .gelu
            case "silu", "swish": activation = .silu
            default: throw JSONError(place: key, got: name, wanted: "silu, gelu, gelu_new or gelu_pytorch_tanh; others are not supported")
            }
            if case .plain = family.block.feedForward { return .plain(activation) }
            return .gated(activation)
        }
        return family.block.feedForward
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

extension Architecture {
    /// The part of a configuration that is the text model's, with what it leaves out.
    fileprivate func textConfiguration(_ whole: JSON) -> JSON {
        var fields = defaults
        let text = whole["text_config"]?.object
        let isWrapped = text != nil && whole["architectures"]?.array?.contains { $0.string.map(wrappers.contains) ?? false } ?? false
        for (key, value) in whole.object ?? [:] where !isWrapped || ["bos_token_id", "eos_token_id"].contains(key) { fields[key] = value }
        if isWrapped { for (key, value) in text ?? [:] where !value.isNull { fields[key] = value } }
        return .object(fields)
    }
}
