import Checkpoints

/// Why an evaluation cannot run, or stopped.
package enum EvaluationError: Error, Equatable, CustomStringConvertible {
    /// A data set's file or line.
    case unusableData(place: String, reason: String)
    case noProblems(String)
    case cannotWrite(path: String, reason: String)
    case cannotRead(path: String, reason: String)
    /// Another process works in the same folder.
    case inUse(path: String)
    /// The folder holds answers of a run with other settings.
    case otherSettings(folder: String, differences: [String])
    /// An adapter's files changed under its name.
    case adapterChanged(arm: String, was: String, now: String)
    /// Other weights, or held otherwise, answer under the model's name.
    case modelChanged(was: String, now: String)
    case damagedLog(place: String, reason: String)
    case unusableControl(adapter: String, reason: String)
    /// What a control is to be like.
    case noSuchAdapter(name: String, adapters: String)
    case gaveUp(failures: Int, example: String)

    package var description: String {
        switch self {
        case .unusableData(let place, let reason): "\(place): \(reason)"
        case .noProblems(let place): "\(place) has no problems"
        case .cannotWrite(let path, let reason): "\(path) cannot be written: \(reason); answers written before are kept"
        case .cannotRead(let path, let reason): "\(path) cannot be read: \(reason)"
        case .inUse(let path): "another evaluation is working in \(path); wait for it, or give another folder with --output"
        case .otherSettings(let folder, let differences):
            "\(folder) holds answers given with other settings: \(differences.joined(separator: "; ")); give the same ones, or another --output"
        case .adapterChanged(let arm, let was, let now):
            "answers of '\(arm)' were given with \(was), and now with \(now); give another --output for the new version"
        case .modelChanged(let was, let now):
            "the server began with the model \(was), and now \(now) answers; give another --output for the new one"
        case .damagedLog(let place, let reason): "\(place): \(reason)"
        case .unusableControl(let adapter, let reason): "no random control can be made of '\(adapter)': \(reason)"
        case .noSuchAdapter(let name, let adapters): "'\(name)' is no adapter of \(adapters)"
        case .gaveUp(let failures, let example): "gave up after \(failures) failed requests in a row: \(example)"
        }
    }
}

extension EvaluationError: FileFailure {
    package static func system(path: String, doing: String, reason: String) -> Self { .cannotWrite(path: path, reason: reason) }

    package static func exists(path: String) -> Self { .cannotWrite(path: path, reason: "it is there already") }

    package static func badSource(path: String, problem: String) -> Self { .cannotWrite(path: path, reason: problem) }

    package static func malformed(file: String, what: String, got: String, wanted: String) -> Self {
        .cannotRead(path: file, reason: "\(what): got \(got), wanted \(wanted)")
    }
}
