/// The parts of a PEFT tensor name, for Llama `base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight`; DoRA's magnitudes are called
/// `lora_magnitude_vector`.
///
/// Read as bytes: an adapter has hundreds of tensors and a store hundreds of adapters, all of which are read at every start.
struct LoRATensorName {
    let layer: Int
    /// The tensor of the base model that it changes, with one projection or several in it.
    let row: WeightTable.Row
    let part: Part
    /// The module's name in the base model, which PEFT's patterns are matched against: `model.layers.3.self_attn.q_proj`.
    let path: String
    enum Part: String, CaseIterable {
        /// `[rank, in]`
        case a = ".lora_A.weight"
        /// `[out, rank]`
        case b = ".lora_B.weight"
        /// `[out]`
        case magnitude = ".lora_magnitude_vector"
    }

    private static let prefix = "base_model.model."

    /// - Parameter architecture: whose names are known; nil for those of all.
    /// - Throws: `AdapterError.badFile` or `.unsupported` naming the tensor and why it cannot be used.
    init(_ tensor: String, of architecture: Architecture? = nil, adapter: String, file: String) throws(AdapterError) {
        let bytes = tensor.utf8
        guard bytes.starts(with: Self.prefix.utf8) else {
            throw .badFile(adapter: adapter, file: file, problem: "tensor '\(tensor)' does not start with '\(Self.prefix)'")
        }
        let name = bytes.dropFirst(Self.prefix.utf8.count)
        guard let part = Part.allCases.first(where: { name.suffix($0.rawValue.utf8.count).elementsEqual($0.rawValue.utf8) }) else {
            throw .unsupported(
                adapter: adapter, feature: "tensor '\(tensor)'",
                advice: "only lora_A.weight, lora_B.weight and lora_magnitude_vector of projections are")
        }
        self.part = part
        // All cuts are beside ASCII characters, so both parts are texts.
        let module = name.dropLast(part.rawValue.utf8.count)
        path = String(Substring(module))
        guard let place = Architecture.find(module: module, of: architecture), place.row.isProjection else {
            let known = (architecture ?? .llama).weights.moduleNames()
            throw .unsupported(adapter: adapter, feature: "LoRA on '\(path)'", advice: "only \(known) are")
        }
        (layer, row) = (place.layer, place.row)
    }

    /// The name of another tensor of the same module.
    func partner(_ part: Part) -> String { Self.prefix + path + part.rawValue }
}
