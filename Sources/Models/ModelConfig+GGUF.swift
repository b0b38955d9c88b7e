import Checkpoints

/// Reading the metadata of a GGUF file; keys are prefixed with the architecture's name.
extension ModelConfig {
    /// - Throws: `CheckpointError`, as `read(_:)`.
    package init(gguf file: GGUFFile) throws(CheckpointError) {
        let keys = GGUFKeys(file)
        architecture = try keys.string("general.architecture")
        if let type = file.metadata["general.type"]?.stringValue, type != "model" {
            throw .unsupported(file: file.path, what: "a GGUF of type \(type) as the base model", advice: "give one of type model")
        }
        guard Architecture.named(architecture) != nil else {
            throw .unsupported(
                file: file.path, what: "architecture \(architecture)",
                advice: "supported are \(Architecture.all.map(\.name).sorted().joined(separator: ", "))")
        }
        let prefix = architecture + "."
        hiddenSize = try keys.int(prefix + "embedding_length")
        layers = try keys.int(prefix + "block_count")
        heads = try keys.int(prefix + "attention.head_count")
        kvHeads = try keys.optionalInt(prefix + "attention.head_count_kv") ?? heads
        ffnSize = try keys.int(prefix + "feed_forward_length")
        contextLength = try keys.int(prefix + "context_length")
        rmsEpsilon = Float(try keys.double(prefix + "attention.layer_norm_rms_epsilon"))
        ropeTheta = try keys.optionalDouble(prefix + "rope.freq_base") ?? 10_000
        headDim = try ModelConfig.headDim(keys, prefix, hiddenSize, heads)
        // The embedding's rows are what logits are computed for; `vocab_size` is often left out.
        guard let embedding = file.info("token_embd.weight") else { throw file.missing("token_embd.weight") }
        vocabSize = embedding.rows
        tiedEmbeddings = file.info("output.weight") == nil
        // Some converters store biases for an architecture whose configuration calls them optional: the first block tells.
        qkvBias = file.info("blk.0.attn_q.bias") != nil
        outputBias = file.info("blk.0.attn_output.bias") != nil
        mlpBias = file.info("blk.0.ffn_gate.bias") != nil
        bosToken = try keys.token("tokenizer.ggml.bos_token_id")
        eosTokens = []
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            if let token = try keys.token(key), !eosTokens.contains(token) { eosTokens.append(token) }
        }
        ropeScaling = nil
        try check(file: file.path)
        try ModelConfig.refuseUnsupported(keys, prefix, headDim)
        ropeScaling = try ModelConfig.scaling(file, keys, prefix, headDim)
    }

    private static func headDim(_ keys: GGUFKeys, _ prefix: String, _ hiddenSize: Int, _ heads: Int) throws(CheckpointError) -> Int {
        if let explicit = try keys.optionalInt(prefix + "attention.key_length") {
            if let value = try keys.optionalInt(prefix + "attention.value_length"), value != explicit {
                throw .unsupported(
                    file: keys.file.path, what: "value heads of \(value) beside key heads of \(explicit)", advice: "they must be equal")
            }
            return explicit
        }
        guard heads > 0, hiddenSize % heads == 0 else {
            throw .malformed(
                file: keys.file.path, what: prefix + "attention.head_count", got: "\(heads)",
                wanted: "a divisor of the embedding length, \(hiddenSize)")
        }
        return hiddenSize / heads
    }

    private static func refuseUnsupported(_ keys: GGUFKeys, _ prefix: String, _ headDim: Int) throws(CheckpointError) {
        let path = keys.file.path
        if let window = try keys.optionalInt(prefix + "attention.sliding_window"), window > 0 {
            throw .unsupported(file: path, what: "sliding-window attention (\(window))", advice: "use a model with full attention")
        }
        if let experts = try keys.optionalInt(prefix + "expert_count"), experts > 0 {
            throw .unsupported(file: path, what: "a mixture of \(experts) experts", advice: "use a dense model")
        }
        if let rotated = try keys.optionalInt(prefix + "rope.dimension_count"), rotated != headDim {
            throw .unsupported(
                file: path, what: "rotating \(rotated) of \(headDim) head elements", advice: "use a model that rotates whole heads")
        }
        for key in ["embedding_scale", "residual_scale", "logit_scale", "attention.scale"] {
            if let scale = try keys.optionalDouble(prefix + key), scale != 1, scale != 0 {
                throw .unsupported(file: path, what: "\(prefix)\(key) \(scale)", advice: "use a model without it")
            }
        }
    }

    private static func scaling(
        _ file: GGUFFile, _ keys: GGUFKeys, _ prefix: String, _ headDim: Int
    ) throws(CheckpointError) -> RoPEScaling? {
        let type = try keys.optionalString(prefix + "rope.scaling.type") ?? "none"
        var linear: Double?
        switch type {
        case "none": linear = try keys.optionalDouble(prefix + "rope.scale_linear")
        case "linear": linear = try keys.double(prefix + "rope.scaling.factor")
        default:
            throw .unsupported(file: file.path, what: "\(prefix)rope.scaling.type \(type)", advice: "none, linear and llama3 factors are")
        }
        if let factor = linear, factor != 1, factor != 0 {
            guard factor.isFinite, factor > 0, file.info("rope_freqs.weight") == nil else {
                throw .malformed(
                    file: file.path, what: "\(prefix)rope scaling", got: "\(factor)",
                    wanted: "a positive factor, and not together with rope_freqs.weight")
            }
            return .linear(factor: factor)
        }
        guard let info = file.info("rope_freqs.weight") else { return nil }
        guard info.elementCount == headDim / 2 else {
            throw .wrongShape(file: file.path, tensor: info.name, got: info.shape, wanted: [headDim / 2])
        }
        let divisors = try file.floats(info.name)
        guard divisors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .malformed(file: file.path, what: info.name, got: "a factor that is not positive", wanted: "positive numbers")
        }
        return .divisors(divisors)
    }
}

/// Typed look-ups in GGUF metadata whose errors name file and key.
private struct GGUFKeys {
    let file: GGUFFile

    init(_ file: GGUFFile) { self.file = file }

    func int(_ key: String) throws(CheckpointError) -> Int { try required(key, "an integer", optionalInt(key)) }
    func double(_ key: String) throws(CheckpointError) -> Double { try required(key, "a number", optionalDouble(key)) }
    func string(_ key: String) throws(CheckpointError) -> String { try required(key, "a string", optionalString(key)) }
    func optionalInt(_ key: String) throws(CheckpointError) -> Int? { try optional(key, "an integer", \.intValue) }
    func optionalDouble(_ key: String) throws(CheckpointError) -> Double? { try optional(key, "a number", \.doubleValue) }
    func optionalString(_ key: String) throws(CheckpointError) -> String? { try optional(key, "a string", \.stringValue) }

    func token(_ key: String) throws(CheckpointError) -> Int32? {
        guard let id = try optionalInt(key) else { return nil }
        guard let token = Int32(exactly: id) else {
            throw .malformed(file: file.path, what: key, got: "\(id)", wanted: "a token id")
        }
        return token
    }

    private func optional<T>(_ key: String, _ wanted: String, _ get: (GGUFValue) -> T?) throws(CheckpointError) -> T? {
        guard let value = file.metadata[key] else { return nil }
        guard let typed = get(value) else {
            throw .malformed(file: file.path, what: "key \(key)", got: value.kind, wanted: wanted)
        }
        return typed
    }

    private func required<T>(_ key: String, _ wanted: String, _ value: T?) throws(CheckpointError) -> T {
        guard let value else { throw .malformed(file: file.path, what: "key \(key)", got: "nothing", wanted: wanted) }
        return value
    }
}
