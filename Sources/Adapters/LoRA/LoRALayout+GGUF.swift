import Checkpoints
import Tensors

extension LoRALayout {
    /// What `general.type` and `adapter.type` of a LoRA say.
    static let ggufTypes = (general: "adapter", adapter: "lora")

    /// What `adapter.` keys are followed, refused by what they say, or texts for people.
    private static let ggufKeys: Set = [
        "adapter.type", "adapter.lora.alpha", "adapter.alora.invocation_tokens", "adapter.lora.task_name", "adapter.lora.prompt_prefix",
    ]

    /// Checks the header of a GGUF LoRA (llama.cpp's `convert_lora_to_gguf.py`): tensors `blk.N.attn_q.weight.lora_a` `[rank, in]` and
    /// `.lora_b` `[out, rank]`. The scale is `alpha / rank`, or 1 where alpha is 0 or not there, as llama.cpp has it. For `llama` the rows
    /// of B lie interleaved in Q and K, as in the base model's file.
    package init(gguf file: GGUFFile, shownAs: String, name: String, shape: ModelShape?) throws(AdapterError) {
        func bad(_ problem: String) -> AdapterError { .badFile(adapter: name, file: shownAs, problem: problem) }
        let architecture = file.metadata["general.architecture"]?.stringValue ?? ""
        let known = (shape?.architecture.map { [$0] } ?? []) + Architecture.all
        guard let family = Architecture.ggufNamed(architecture, among: known) else {
            throw .unsupported(
                adapter: name, feature: "a GGUF LoRA for '\(architecture)'",
                advice: "only those for \(Set(known.compactMap(\.ggufName)).sorted().joined(separator: ", ")) are")
        }
        if let tokens = file.metadata["adapter.alora.invocation_tokens"], !tokens.isUnused {
            throw .unsupported(
                adapter: name, feature: "'adapter.alora.invocation_tokens' (activated LoRA, here \(tokens.kind))",
                advice: "train a plain LoRA")
        }
        try file.refuseUnknown("adapter.", but: Self.ggufKeys, adapter: name, shownAs: shownAs)
        let alphaKey = "adapter.lora.alpha"
        guard let alpha = file.metadata[alphaKey].map(\.doubleValue) ?? 0 else {
            throw bad("'\(alphaKey)' is \(file.metadata[alphaKey]?.kind ?? "nothing"), wanted a number")
        }
        guard alpha.isFinite else { throw bad("'adapter.lora.alpha' is \(alpha), not finite") }
        var entries: [Entry] = []
        for tensor in file.tensorNames {
            let (layer, row, isA) = try Self.place(of: tensor, in: family.weights, name: name, file: shownAs)
            let base = Place(layer: layer, row: row, inGGUF: true)
            let partner = String(tensor.dropLast(1)) + (isA ? "b" : "a")
            guard file.info(partner) != nil else { throw bad("'\(tensor)' is there but '\(partner)' is not") }
            guard isA else { continue }
            try shape?.requireLayer(layer, adapter: name)
            let (a, b) = (file.info(tensor)?.shape ?? [], file.info(partner)?.shape ?? [])
            let rank = a.first ?? 0
            guard (1...PEFTConfig.rankLimit).contains(rank) else { throw bad("tensor '\(tensor)' has shape \(a), wanted [rank, in]") }
            for (tensor, got, wanted) in [
                (tensor, a, [rank, shape?.inputs(row.modules[0]) ?? a.last ?? 0]),
                (partner, b, [base.outputs(shape) ?? b.first ?? 0, rank]),
            ] where got != wanted {
                throw .shapeMismatch(adapter: name, tensor: tensor, got: got, wanted: wanted)
            }
            let scale = alpha == 0 ? 1 : Float(alpha / Double(rank))
            guard scale.isFinite else { throw bad("'adapter.lora.alpha' is \(alpha), too large") }
            if row.isInterleavedInGGUF, let shape {
                let (heads, width) = (base.outputs(shape) ?? 0, shape.headDim)
                guard width > 0, width % 2 == 0, heads % width == 0 else {
                    throw .unsupported(
                        adapter: name, feature: "heads of \(width) rows in a GGUF LoRA for \(architecture)",
                        advice: "use the PEFT form of it")
                }
            }
            entries += base.entries(rank: rank, scale: scale, a: tensor, b: partner, shape: shape)
        }
        guard !entries.isEmpty else { throw bad("it holds no tensors") }
        self.init(
            name: name, files: [shownAs], baseModel: file.metadata["general.base_model.0.name"]?.stringValue, shape: shape,
            entries: entries,
            tensors: AdapterTensorReader(adapter: name, file: shownAs, tensors: file))
    }

    private static func place(
        of tensor: String, in weights: WeightTable, name: String, file: String
    ) throws(AdapterError) -> (layer: Int, row: WeightTable.Row, isA: Bool) {
        let ends = [".weight.lora_a", ".weight.lora_b"]
        guard let end = ends.first(where: tensor.hasSuffix),
            let (row, layer) = weights.find(module: tensor.utf8.dropLast(end.utf8.count), inGGUF: true), row.isProjection,
            // One spelling of a number: a second would be a second update of the same module.
            tensor == weights.module(row, layer: layer, inGGUF: true) + end
        else {
            throw .unsupported(
                adapter: name, feature: "tensor '\(tensor)' in \(file)",
                advice: "only \(weights.moduleNames(inGGUF: true)).weight.lora_a and .lora_b are")
        }
        return (layer, row, end == ends[0])
    }
}
