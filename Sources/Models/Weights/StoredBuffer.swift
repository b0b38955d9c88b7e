import Checkpoints

extension TensorInfo {
    /// Whether a layer's tensor is none that was trained, but what some version of a model kept beside them and stored too: it follows from the
    /// configuration, and those who read checkpoints pass over it.
    var isBuffer: Bool {
        let rotary = [
            ".rotary_emb.inv_freq", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached", ".attn_rot_embd", ".attn_rot_embd.weight",
        ]
        if rotary.contains(where: name.hasSuffix) { return true }
        // The causal mask, a square of positions, and what is written where it hides: a bias that was trained is a vector.
        if [".self_attn.bias", ".attention.bias", ".attn.bias"].contains(where: name.hasSuffix) {
            return shape.count >= 2 && shape.suffix(2).first == shape.last
        }
        return name.hasSuffix(".masked_bias") && elementCount == 1
    }
}
