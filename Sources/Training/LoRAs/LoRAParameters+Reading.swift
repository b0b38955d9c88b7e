import Adapters
import Checkpoints
import Foundation
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
