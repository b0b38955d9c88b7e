import Checkpoints

typealias DurableFile = Checkpoints.DurableFile<TrainingError>
typealias TensorFileWriter = Checkpoints.TensorFileWriter<TrainingError>

extension TrainingError: FileFailure {
    package static func system(path: String, doing: String, reason: String) -> Self { .disk(path: path, doing: doing, reason: reason) }

    package static func exists(path: String) -> Self { .disk(path: path, doing: "making it", reason: "it is there already") }

    package static func badSource(path: String, problem: String) -> Self { .disk(path: path, doing: "opening it", reason: problem) }

    package static func malformed(file: String, what: String, got: String, wanted: String) -> Self {
        .disk(path: file, doing: "reading \(what)", reason: "got \(got), wanted \(wanted)")
    }
}

extension Checkpoints.DurableFile<TrainingError> {
    /// Returns when the names in the folder are on the disk.
    static func syncFolder(_ path: String) throws(TrainingError) { try DurableFolder<TrainingError>.sync(path) }
}
