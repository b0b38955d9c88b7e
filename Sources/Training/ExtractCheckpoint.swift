import Checkpoints
import JSONText
import Tensors

/// The state of an extraction between two steps, in one file: parameters, optimiser state and counters of every hookpoint. Going on from it
/// gives the bits that going on without interruption would have given.
struct ExtractCheckpoint {
    static let file = TrainingCheckpoint.file
    private static let counters = "tokens_since_fired"

    /// - Parameter facts: what the run is; a run with others refuses the checkpoint.
    static func write(_ trainers: [SAETrainer], facts: JSONObject, to folder: OutputFolder) throws(TrainingError) {
        var entries: [TensorFileWriter.Entry] = []
        for trainer in trainers {
            for (prefix, tensors) in parts(trainer) { entries += tensors.entries(prefix: prefix) }
            entries.append(.init(name: "\(trainer.hookpoint)/\(counters)", type: .i64, shape: [trainer.settings.latents]))
        }
        let writer = try TensorFileWriter(
            path: folder.file(file), entries: entries,
            metadata: [("resa", "extract 1"), ("step", String(trainers[0].steps)), ("run", JSONWriter.text(.object(facts)))])
        for trainer in trainers {
            for (_, tensors) in parts(trainer) { try tensors.write(to: writer) }
            let silent = trainer.tokensSinceFired.map(\.littleEndian)
            let result = silent.withUnsafeBytes { bytes in Result { () throws(TrainingError) in try writer.write(bytes) } }
            try result.get()
        }
        try writer.commit()
    }

    private static func parts(_ trainer: SAETrainer) -> [(prefix: String, tensors: SparseCoderTensors)] {
        let prefix = "\(trainer.hookpoint)/"
        let two = [(prefix, trainer.parameters), (prefix + "state1.", trainer.state1)]
        return trainer.state2.map { two + [(prefix + "state2.", $0)] } ?? two
    }

    /// The trainers as they were.
    /// - Throws: `TrainingError.wrongCheckpoint` naming the first fact or tensor that differs, `CheckpointError` for a damaged file.
    static func read(_ settings: ExtractSettings, width: Int, facts: JSONObject, from folder: OutputFolder) throws -> [SAETrainer] {
        let file = try SafetensorsFile(path: folder.file(Self.file))
        guard let text = file.metadata["run"], let run = try? JSON(parsing: text).object, file.metadata["resa"] == "extract 1",
            let steps = file.metadata["step"].flatMap(Int.init), steps > 0
        else {
            throw TrainingError.wrongCheckpoint(file: file.path, what: "its metadata", got: "not an extraction's", wanted: "one")
        }
        if let difference = facts.firstDifference(from: run) {
            throw TrainingError.wrongCheckpoint(file: file.path, what: difference.name, got: difference.theirs, wanted: difference.own)
        }
        let latents = settings.trainer.latents
        func tensors(_ prefix: String) throws -> SparseCoderTensors {
            try SparseCoderTensors(reading: file, prefix: prefix, latents: latents, width: width)
        }
        return try settings.hookpoints.map { hookpoint in
            let prefix = "\(hookpoint)/"
            let trainer = SAETrainer(
                hookpoint: hookpoint, settings: settings.trainer, parameters: try tensors(prefix), state1: try tensors(prefix + "state1."),
                state2: settings.trainer.optimiser == .adam ? try tensors(prefix + "state2.") : nil, steps: steps)
            trainer.tokensSinceFired = try integers(prefix + counters, count: latents, of: file)
            return trainer
        }
    }

    private static func integers(_ name: String, count: Int, of file: SafetensorsFile) throws -> [Int64] {
        guard let info = file.info(name), info.shape == [count], info.type == .i64 else {
            throw TrainingError.wrongCheckpoint(
                file: file.path, what: "tensor \(name)", got: file.info(name).map { "\($0.type.rawValue) \($0.shape)" } ?? "missing",
                wanted: "I64 [\(count)]")
        }
        return try file.storedBytes(name).withUnsafeBytes { bytes in
            (0..<count).map { Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
        }
    }
}
