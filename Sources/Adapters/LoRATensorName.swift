/// The parts of a PEFT tensor name, `base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight`; DoRA's magnitudes are called
/// `lora_magnitude_vector`.
///
/// Read as bytes: an adapter has hundreds of tensors and a store hundreds of adapters, all of which are read at every start.
struct LoRATensorName {
    let layer: Int
    let module: ProjectionModule
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

    /// - Throws: `AdapterError.badFile` or `.unsupported` naming the tensor and why it cannot be used.
    init(_ tensor: String, adapter: String, file: String) throws(AdapterError) {
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
        guard let place = Self.place(module) else {
            throw .unsupported(
                adapter: adapter, feature: "LoRA on '\(path)'",
                advice: "only model.layers.N.self_attn.{q,k,v,o}_proj and model.layers.N.mlp.{gate,up,down}_proj are")
        }
        (layer, self.module) = place
    }

    /// The name of another tensor of the same module.
    func partner(_ part: Part) -> String { Self.prefix + path + part.rawValue }

    /// Reads `[model.]layers.N.PARENT.MODULE`.
    private static func place(_ path: Substring.UTF8View) -> (layer: Int, module: ProjectionModule)? {
        let dot = UInt8(ascii: ".")
        var fields = path.split(separator: dot, maxSplits: 5, omittingEmptySubsequences: false)[...]
        if let first = fields.first, first.elementsEqual("model".utf8) { fields = fields.dropFirst() }
        guard fields.count == 4 else { return nil }
        let start = fields.startIndex
        let digits = fields[start + 1]
        guard fields[start].elementsEqual("layers".utf8), (1...6).contains(digits.count) else { return nil }
        var layer = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            layer = layer * 10 + Int(digit - 0x30)
        }
        let (parent, name) = (fields[start + 2], fields[start + 3])
        for module in ProjectionModule.allCases
        where name.elementsEqual(module.rawValue.utf8) && parent.elementsEqual(module.parent.utf8) {
            return (layer, module)
        }
        return nil
    }
}
