import Checkpoints
import Foundation
import JSONText

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
