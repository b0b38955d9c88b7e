import Checkpoints

/// Reading the metadata of a GGUF file; keys are prefixed with the architecture's name.
extension ModelConfig {
    /// - Throws: `CheckpointError`, as `read(_:)`.
    package init(gguf file: GGUFFile, among architectures: [Architecture] = Architecture.all) throws(CheckpointError) {
        let keys = GGUFKeys(file)
        let name = try keys.string("general.architecture")
        if let type = file.metadata["general.type"]?.stringValue, type != "model" {
            throw .unsupported(file: file.path, what: "a GGUF of type \(type) as the base model", advice: "give one of type model")
        }
        guard let family = Architecture.ggufNamed(name, among: architectures) else {
            throw .unsupported(
                file: file.path, what: "architecture \(name)",
                advice: "supported are \(architectures.compactMap(\.ggufName).sorted().joined(separator: ", "))")
        }
        self.family = family
        block = family.block
        let prefix = name + "."
        hiddenSize = try keys.int(prefix + "embedding_length")
        layers = try keys.int(prefix + "block_count")
        heads = try keys.int(prefix + "attention.head_count")
        kvHeads = try keys.optionalInt(prefix + "attention.head_count_kv") ?? heads
        ffnSize = try keys.int(prefix + "feed_forward_length")
        contextLength = try keys.int(prefix + "context_length")
        rmsEpsilon = Float(try keys.double(prefix + family.keys.ggufEpsilon))
        ropeTheta = try keys.optionalDouble(prefix + "rope.freq_base") ?? family.keys.defaultTheta
        headDim = try ModelConfig.headDim(keys, prefix, hiddenSize, heads)
        // The embedding's rows are what logits are computed for; `vocab_size` is often left out.
        let weights = family.weights
        let table = weights.name(WeightPlace(.embedding), inGGUF: true) ?? "the embedding"
        guard let embedding = file.info(table) else { throw file.missing(table) }
        vocabSize = embedding.rows
        func holds(_ place: WeightPlace) -> Bool { weights.name(place, inGGUF: true).map { file.info($0) != nil } ?? false }
        tiedEmbeddings = !holds(WeightPlace(.head))
        // Some converters store biases for an architecture whose configuration calls them optional: the first block tells.
        qkvBias = holds(WeightPlace(.q, layer: 0).bias)
        outputBias = holds(WeightPlace(.o, layer: 0).bias)
        mlpBias = holds(WeightPlace(weights.holds(.gate) ? .gate : .up, layer: 0).bias)
        bosToken = try keys.token("tokenizer.ggml.bos_token_id")
        eosTokens = []
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            if let token = try keys.token(key), !eosTokens.contains(token) { eosTokens.append(token) }
        }
        ropeScaling = nil
        try check(file: file.path)
        try ModelConfig.refuseUnsupported(keys, prefix)
        try readWindows(keys, prefix)
        try readRotary(keys, prefix)
        try family.readGGUF(keys, &self)
        try checkRotary(file: file.path)
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

    private static func refuseUnsupported(_ keys: GGUFKeys, _ prefix: String) throws(CheckpointError) {
        let path = keys.file.path
        if let experts = try keys.optionalInt(prefix + "expert_count"), experts > 0 {
            throw .unsupported(file: path, what: "a mixture of \(experts) experts", advice: "use a dense model")
        }
        for key in ["embedding_scale", "residual_scale", "logit_scale", "attention.scale"] {
            if let scale = try keys.optionalDouble(prefix + key), scale != 1, scale != 0 {
                throw .unsupported(file: path, what: "\(prefix)\(key) \(scale)", advice: "use a model without it")
            }
        }
    }
}

/// Typed look-ups in GGUF metadata whose errors name file and key.
package struct GGUFKeys {
    package let file: GGUFFile

    init(_ file: GGUFFile) { self.file = file }

    package func int(_ key: String) throws(CheckpointError) -> Int { try required(key, "an integer", optionalInt(key)) }
    package func double(_ key: String) throws(CheckpointError) -> Double { try required(key, "a number", optionalDouble(key)) }
    package func string(_ key: String) throws(CheckpointError) -> String { try required(key, "a string", optionalString(key)) }
    package func optionalInt(_ key: String) throws(CheckpointError) -> Int? { try optional(key, "an integer", \.intValue) }
    package func optionalDouble(_ key: String) throws(CheckpointError) -> Double? { try optional(key, "a number", \.doubleValue) }
    package func optionalBool(_ key: String) throws(CheckpointError) -> Bool? { try optional(key, "true or false", \.boolValue) }
    package func optionalString(_ key: String) throws(CheckpointError) -> String? { try optional(key, "a string", \.stringValue) }

    package func token(_ key: String) throws(CheckpointError) -> Int32? {
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
