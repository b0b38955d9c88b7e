import Checkpoints
import Foundation
import JSONText
import Tensors

/// A training that was interrupted, in one file: parameters, optimiser state and counters of every hookpoint. Going on from it gives the bits
/// that going on without interruption would have given.
struct ExtractCheckpoint {
    let path: String
    /// What decides the result: a training goes on only with equal settings.
    let fingerprint: JSON

    var exists: Bool { FileManager.default.fileExists(atPath: path) }

    func save(_ trainers: [SAETrainer]) throws(ExtractError) {
        var file = ExtractTensorFile()
        file.metadata["step"] = String(trainers[0].steps)
        file.metadata["settings"] = JSONWriter.text(fingerprint)
        for trainer in trainers {
            let prefix = "\(trainer.hookpoint)/"
            file.add(prefix, trainer.parameters)
            file.add(prefix + "state1.", trainer.state1)
            if let state2 = trainer.state2 { file.add(prefix + "state2.", state2) }
        }
        // The counters' memory must stay in place until all is written.
        var silent: [Int64] = []
        for trainer in trainers { silent += trainer.tokensSinceFired }
        let result = silent.withUnsafeBufferPointer { silent in
            file.add("tokens_since_fired", silent)
            return Result { () throws(ExtractError) in try file.write(to: path) }
        }
        try result.get()
    }

    /// The trainers as they were.
    /// - Throws: `ExtractError.mismatch` when the file is of another training, `.cannotRead` when it is damaged.
    func load(_ settings: ExtractSettings, width: Int) throws(ExtractError) -> [SAETrainer] {
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            throw .cannotRead(path: path, reason: "\(error)")
        }
        try checkSettings(file)
        guard let steps = file.metadata["step"].flatMap({ Int($0) }), steps > 0 else {
            throw .cannotRead(path: path, reason: "it does not say at which step it was made")
        }
        let latents = settings.trainer.latents
        var trainers: [SAETrainer] = []
        for hookpoint in settings.hookpoints {
            let prefix = "\(hookpoint)/"
            let parameters = try SparseCoderTensors(reading: file, prefix: prefix, latents: latents, width: width)
            let state1 = try SparseCoderTensors(reading: file, prefix: prefix + "state1.", latents: latents, width: width)
            let state2: SparseCoderTensors? =
                settings.trainer.optimiser == .adam
                ? try SparseCoderTensors(reading: file, prefix: prefix + "state2.", latents: latents, width: width) : nil
            trainers.append(
                SAETrainer(hookpoint: hookpoint, settings: settings.trainer, parameters: parameters, state1: state1, state2: state2, steps: steps))
        }
        try readCounters(file, into: trainers)
        return trainers
    }

    private func checkSettings(_ file: SafetensorsFile) throws(ExtractError) {
        guard let text = file.metadata["settings"], let found = try? JSON(parsing: text) else {
            throw .cannotRead(path: path, reason: "it does not say what it was trained with")
        }
        for (key, wanted) in fingerprint.object ?? [:] where found[key] != wanted {
            throw .mismatch(
                path: path, what: "'\(key)' of the training to go on with", got: found[key].map { JSONWriter.text($0) } ?? "nothing",
                wanted: JSONWriter.text(wanted) + " (give the same options again, or another output folder)")
        }
    }

    private func readCounters(_ file: SafetensorsFile, into trainers: [SAETrainer]) throws(ExtractError) {
        let (name, each) = ("tokens_since_fired", trainers[0].settings.latents)
        guard let info = file.info(name), info.shape == [trainers.count * each], info.type == .i64 else {
            throw .mismatch(
                path: path, what: "tensor \(name)", got: file.info(name).map { "\($0.type) \($0.shape)" } ?? "nothing",
                wanted: "i64 [\(trainers.count * each)]")
        }
        do {
            let bytes = try file.stored(name, rows: 0..<info.rows)
            for (index, trainer) in trainers.enumerated() {
                for latent in 0..<each {
                    trainer.tokensSinceFired[latent] = bytes.loadUnaligned(fromByteOffset: (index * each + latent) * 8, as: Int64.self)
                }
            }
        } catch {
            throw .cannotRead(path: path, reason: "\(error)")
        }
    }
}
