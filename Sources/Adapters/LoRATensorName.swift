/// The parts of a PEFT tensor name, `base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight`.
struct LoRATensorName {
    let layer: Int
    let module: ProjectionModule
    /// The `[rank, in]` factor, not the `[out, rank]` one.
    let isA: Bool
    /// The module's name in the base model, which PEFT's patterns are matched against: `model.layers.3.self_attn.q_proj`.
    let path: String
    /// The name of the other factor.
    let partner: String

    private static let prefix = "base_model.model."

    /// - Throws: `AdapterError.badFile` or `.unsupported` naming the tensor and why it cannot be used.
    init(_ tensor: String, adapter: String, file: String) throws(AdapterError) {
        func refuse(_ why: String) -> AdapterError { .badFile(adapter: adapter, file: file, problem: "tensor '\(tensor)' \(why)") }

        guard tensor.hasPrefix(Self.prefix) else { throw refuse("does not start with '\(Self.prefix)'") }
        let name = tensor.dropFirst(Self.prefix.count)
        let suffixA = ".lora_A.weight"
        let suffixB = ".lora_B.weight"
        isA = name.hasSuffix(suffixA)
        guard isA || name.hasSuffix(suffixB) else {
            throw .unsupported(
                adapter: adapter, feature: "tensor '\(tensor)'", advice: "only lora_A.weight and lora_B.weight of projections are")
        }
        path = String(name.dropLast(suffixA.count))
        partner = Self.prefix + path + (isA ? suffixB : suffixA)

        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        let tail = parts.first == "model" ? parts.dropFirst() : parts[...]
        let fields = Array(tail)
        guard fields.count == 4, let module = ProjectionModule(rawValue: String(fields[3])), fields[2] == module.parent,
            case .residual(let layer)? = HookPoint("\(fields[0]).\(fields[1])")
        else {
            throw .unsupported(
                adapter: adapter, feature: "LoRA on '\(path)'",
                advice: "only model.layers.N.self_attn.{q,k,v,o}_proj and model.layers.N.mlp.{gate,up,down}_proj are")
        }
        self.layer = layer
        self.module = module
    }
}
