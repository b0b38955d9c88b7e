import Adapters
import Foundation
import JSONText

/// What an extraction leaves: sparsify folders, and a manifest for people.
package struct SAEResult: Sendable {
    package var baseModel: String
    /// The data's name.
    package var data: String
    package var format: ExtractFormat

    package init(baseModel: String, data: String = "", format: ExtractFormat = .f32) {
        (self.baseModel, self.data, self.format) = (baseModel, data, format)
    }

    /// A sparsify folder.
    func write(_ trainer: SAETrainer, to folder: OutputFolder) throws(TrainingError) {
        let place = folder.file("\(trainer.hookpoint)")
        do { try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true) } catch {
            throw .disk(path: place, doing: "making the folder", reason: error.localizedDescription)
        }
        let tensors = trainer.exported()
        let writer = try TensorFileWriter(
            path: "\(place)/\(SparsifyLayout.tensorFile)", entries: tensors.entries(as: format), metadata: [("format", "pt")])
        try tensors.write(to: writer, as: format)
        try writer.commit()
        let (settings, width) = (trainer.settings, trainer.width)
        let config: JSON = [
            "activation": "topk", "expansion_factor": .int(max(settings.latents / width, 1)), "normalize_decoder": true,
            "num_latents": .int(settings.latents), "k": .int(settings.k), "multi_topk": .bool(settings.multiTopK),
            "skip_connection": false, "transcode": false, "d_in": .int(width),
        ]
        try folder.write("\(trainer.hookpoint)/\(SparsifyLayout.configFile)", JSONWriter.bytes(config))
    }

    func manifest(_ step: ExtractStep, _ log: [JSON]) -> JSONObject {
        let (hookpoints, trainer) = (step.settings.hookpoints, step.settings.trainer)
        var fvu = JSONObject()
        for hookpoint in hookpoints {
            let values = log.suffix(20).compactMap { $0["hookpoints"]?["\(hookpoint)"]?["fvu"]?.double }
            fvu["\(hookpoint)"] = .double(values.reduce(0, +) / Double(max(values.count, 1)))
        }
        let places = hookpoints.map { "\($0)" }.joined(separator: ", ")
        return [
            "kind": "sae", "base_model": .string(baseModel),
            "description": .string("TopK SAE of \(trainer.latents) latents, k \(trainer.k), at \(places)."),
            "hookpoints": .array(hookpoints.map { .string("\($0)") }), "data": .string(data), "steps": .int(step.order.steps),
            "method": .object(step.facts), "fvu_last_20_steps": .object(fvu), "stored_as": .string(format.rawValue),
        ]
    }
}
