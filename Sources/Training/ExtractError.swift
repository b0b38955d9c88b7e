/// Why SAEs cannot be trained.
package enum ExtractError: Error, Equatable, CustomStringConvertible {
    /// A setting that cannot be, or does not go with the model.
    case badSetting(String)
    /// A number stopped being one.
    case notFinite(step: Int, hookpoint: String, what: String)
    case cannotWrite(path: String, reason: String)
    case cannotRead(path: String, reason: String)
    /// Another process is training there.
    case locked(folder: String)
    /// The folder holds something that this run must not overwrite or continue.
    case occupied(folder: String, problem: String)
    /// A checkpoint, or an SAE to start from, that does not fit.
    case mismatch(path: String, what: String, got: String, wanted: String)

    package var description: String {
        switch self {
        case .badSetting(let problem): problem
        case .notFinite(let step, let hookpoint, let what):
            "step \(step): \(what) at \(hookpoint) is not a finite number; nothing of that step was kept. Lower the learning rate, or look at the data of that step"
        case .cannotWrite(let path, let reason): "\(path): cannot be written: \(reason); what was saved before is intact"
        case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
        case .locked(let folder): "\(folder): another process is training into this folder"
        case .occupied(let folder, let problem): "\(folder): \(problem)"
        case .mismatch(let path, let what, let got, let wanted): "\(path): \(what): got \(got), wanted \(wanted)"
        }
    }
}
