import Checkpoints
import JSONText

extension Architecture {
    /// Gemma 2: Gemma with norms behind attention and MLP too, soft caps of scores and logits, and a window in every other layer.
    package static let gemma2 = Architecture(
        name: "gemma2", ggufName: "gemma2", huggingFaceName: "Gemma2ForCausalLM", weights: .llama(norms: .around, addsOne: true)
    ).with {
        $0.isGemma()
        $0.windows = .allButEvery(2, default: 4096)
        $0.readFolder = { json, config throws(JSONError) in
            config.scaleEmbeddings()
            config.block.scoreScale = try json.scoreScale()
            config.block.scoreCap = try json.cap("attn_logit_softcapping", default: 50)
            config.block.logitCap = try json.cap("final_logit_softcapping", default: 30)
        }
        $0.readGGUF = { keys, config throws(CheckpointError) in
            config.scaleEmbeddings()
            // The 27B alone divides the width by the number of heads; files do not say it, llama.cpp knows it by the number of layers.
            config.block.scoreScale = config.layers == 46 ? config.scaleOfSharedWidth : nil
            config.block.scoreCap = try keys.cap("gemma2.attn_logit_softcapping", default: 50)
            config.block.logitCap = try keys.cap("gemma2.final_logit_softcapping", default: 30)
        }
    }
}

extension ModelConfig {
    /// `1 / sqrt(hidden / heads)`
    var scaleOfSharedWidth: Float { 1 / (Float(hiddenSize) / Float(heads)).squareRoot() }
}

extension JSON {
    /// `1 / sqrt(query_pre_attn_scalar)`
    func scoreScale() throws(JSONError) -> Float {
        let scalar = try optionalDouble("query_pre_attn_scalar") ?? 256
        guard scalar.isFinite, scalar > 0 else {
            throw JSONError(place: "query_pre_attn_scalar", got: "\(scalar)", wanted: "a positive number")
        }
        return 1 / Float(scalar).squareRoot()
    }

    /// A soft cap; nil where the configuration says null.
    /// - Parameter default: where it says nothing.
    func cap(_ key: String, default absent: Double?) throws(JSONError) -> Float? {
        guard let cap = self[key] == nil ? absent : try optionalDouble(key) else { return nil }
        guard cap.isFinite, cap > 0 else { throw JSONError(place: key, got: "\(cap)", wanted: "a positive number or null") }
        return Float(cap)
    }
}

extension GGUFKeys {
    /// A soft cap, of which 0 means none.
    func cap(_ key: String, default cap: Double) throws(CheckpointError) -> Float? {
        let cap = try optionalDouble(key) ?? cap
        guard cap.isFinite, cap >= 0 else {
            throw .malformed(file: file.path, what: "key \(key)", got: "\(cap)", wanted: "a positive number, or 0 for none")
        }
        return cap == 0 ? nil : Float(cap)
    }
}
