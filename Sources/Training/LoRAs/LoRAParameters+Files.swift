import Adapters
import Checkpoints
import Foundation
import JSONText
import Tensors

extension LoRAParameters {
    /// Replaces the values by those of a PEFT folder that targets the same projections with the same rank.
    /// - Throws: `TrainingError.badSetting` naming the tensor that does not fit, `CheckpointError` for an unreadable file.
    package func read(folder: URL) throws {
        let path = folder.appendingPathComponent("adapter_model.safetensors").path
        let file = try SafetensorsFile(path: path)
        var wanted: Set<String> = []
        for entry in entries {
            for (part, view) in [("A", a(entry)), ("B", b(entry))] {
                let name = tensorName(entry, part)
                wanted.insert(name)
                guard let info = file.info(name), info.shape == [view.rows, view.columns] else {
                    throw TrainingError.badSetting(
                        name: path,
                        problem: "has for \(name) \(file.info(name).map { "shape \($0.shape)" } ?? "no tensor"), wanted "
                            + "[\(view.rows), \(view.columns)]: give --rank, --alpha and --modules as that adapter has them")
                }
                try file.expand(name, rows: 0..<view.rows, into: view.pointer)
            }
        }
        if let other = file.tensorNames.first(where: { !wanted.contains($0) }) {
            throw TrainingError.badSetting(name: path, problem: "has a tensor \(other) that --modules does not target")
        }
    }

    /// Whether a projection has a tensor of its own in this architecture, by which PEFT can name it.
    func hasTensor(_ module: ProjectionModule) -> Bool { names.row(.projection(module))?.modules.count == 1 }

    /// As PEFT names it.
    func tensorName(_ entry: Entry, _ part: String) -> String {
        guard let row = names.row(.projection(entry.module)), row.roles.count == 1 else {
            preconditionFailure("\(entry.module) has no tensor of its own in this architecture")
        }
        return "base_model.model.\(names.module(row, layer: entry.layer)).lora_\(part).weight"
    }
}

extension LoRAParameters {
    package static let adapterFiles = ["adapter_config.json", "adapter_model.safetensors"]

    /// Writes a PEFT folder: matrices in bf16 or f32, and the config last, so that a folder that has one is whole.
    /// - Parameters:
    ///   - dropout: recorded for people; it does not change what the adapter does.
    ///   - baseModel: recorded for people.
    package func write(to folder: OutputFolder, dropout: Double, baseModel: String, asBF16: Bool = false) throws(TrainingError) {
        let tensors = entries.flatMap { [($0, "A", a($0)), ($0, "B", b($0))] }
        let writer = try TensorFileWriter(
            path: folder.file("adapter_model.safetensors"),
            entries: tensors.map { entry, part, view in
                TensorFileWriter.Entry(
                    name: tensorName(entry, part), type: asBF16 ? .bf16 : .f32, shape: [view.rows, view.columns])
            }, metadata: [("format", "pt")])
        for (_, _, view) in tensors {
            let count = view.rows * view.columns
            if asBF16 { try writer.writeBF16(view.pointer, count: count) } else { try writer.write(view.pointer, count: count) }
        }
        try writer.commit()
        var modules: [String] = []
        for entry in entries where !modules.contains(entry.module.rawValue) { modules.append(entry.module.rawValue) }
        let alphaValue: JSON = alpha == alpha.rounded() ? .int(Int(alpha)) : .double(alpha)
        let config: JSON = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": .string(baseModel), "r": .int(rank),
            "lora_alpha": alphaValue, "lora_dropout": .double(dropout), "bias": "none",
            "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true, "use_rslora": false, "use_dora": false,
            "target_modules": .array(modules.map { .string($0) }),
        ]
        try folder.write("adapter_config.json", JSONWriter.bytes(config))
    }
}
