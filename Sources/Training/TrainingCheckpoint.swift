import Checkpoints
import Foundation
import JSONText
import Tensors

/// The state of a run between two steps: the LoRA, the optimiser's moments and the number of steps done. Nothing else has a state: order,
/// dropout and rates follow from the seed and the step.
struct TrainingCheckpoint {
    static let file = "checkpoint.safetensors"
    private static let parts = ["values", "first_moment", "second_moment"]

    /// - Parameter facts: what the run is; a run with others refuses the checkpoint.
    static func write(_ lora: LoRAParameters, step: Int, facts: JSONObject, to folder: OutputFolder) throws(TrainingError) {
        let entries = parts.map { TensorFileWriter.Entry(name: $0, type: .f32, shape: [lora.count]) }
        let writer = try TensorFileWriter(
            path: folder.file(file), entries: entries,
            metadata: [("resa", "tune 1"), ("step", String(step)), ("run", JSONWriter.text(.object(facts)))])
        for pointer in [lora.values.pointer, lora.first.pointer, lora.second.pointer] { try writer.write(pointer, count: lora.count) }
        try writer.commit()
    }

    /// Fills the LoRA and gives the number of steps done.
    /// - Throws: `TrainingError.wrongCheckpoint` naming the first fact that differs, `CheckpointError` for a damaged file.
    static func read(into lora: LoRAParameters, facts: JSONObject, from folder: OutputFolder) throws -> Int {
        let path = folder.file(Self.file)
        let file = try SafetensorsFile(path: path)
        guard let text = file.metadata["run"], let run = try? JSON(parsing: text).object,
            let step = file.metadata["step"].flatMap(Int.init),
            step >= 0
        else {
            throw TrainingError.wrongCheckpoint(file: path, what: "its metadata", got: "not a tuning run's", wanted: "one")
        }
        if let difference = facts.firstDifference(from: run) {
            throw TrainingError.wrongCheckpoint(file: path, what: difference.name, got: difference.theirs, wanted: difference.own)
        }
        for (part, pointer) in zip(parts, [lora.values.pointer, lora.first.pointer, lora.second.pointer]) {
            guard let info = file.info(part), info.shape == [lora.count], info.type == .f32 else {
                throw TrainingError.wrongCheckpoint(
                    file: path, what: "tensor \(part)", got: file.info(part).map { "\($0.type.rawValue) \($0.shape)" } ?? "missing",
                    wanted: "F32 [\(lora.count)]")
            }
            try file.expand(part, rows: 0..<lora.count, into: pointer)
        }
        return step
    }
}
