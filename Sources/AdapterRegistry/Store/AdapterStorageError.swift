import Checkpoints

/// Why adapters could not be kept, found or shipped. Every case names the file or adapter at fault.
package enum AdapterStorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The operating system refused: no space, no permission, nothing there.
    case system(path: String, doing: String, reason: String)
    /// A name or tag that cannot be one.
    case badName(name: String, problem: String)
    /// No adapter of that name in the store; `near` are the names it might have meant.
    case unknown(name: String, near: [String])
    /// A file inside an adapter whose name could leave its folder, or could not lie beside the others on every system.
    case badPath(file: String, path: String, problem: String)
    /// A folder or file that cannot be taken as an adapter's.
    case badSource(path: String, problem: String)
    /// The bytes of a pack or manifest break the format's rules. `what` is the part at fault.
    case malformed(file: String, what: String, got: String, wanted: String)
    /// Well formed, but more than the settings allow.
    case overLimit(file: String, what: String, got: Int, limit: Int)
    /// Bytes that are not those the manifest promises.
    case damaged(file: String, what: String, problem: String)
    /// A pack's signature is missing, wrong, or of a key that is not trusted; or a key file is no key.
    case signature(file: String, problem: String)
    /// Other processes keep the store's lock.
    case busy(store: String, doing: String)
    /// Something is there that would be overwritten.
    case exists(path: String)

    package var description: String {
        switch self {
        case .system(let path, let doing, let reason): "\(path): \(doing): \(reason)"
        case .badName(let name, let problem): "'\(name)' \(problem)"
        case .unknown(let name, let near):
            "the store holds no adapter '\(name)'"
                + (near.isEmpty ? "" : "; did you mean \(near.map { "'\($0)'" }.joined(separator: ", "))?")
        case .badPath(let file, let path, let problem): "\(file): the file name '\(path)' \(problem)"
        case .badSource(let path, let problem): "\(path): \(problem)"
        case .malformed(let file, let what, let got, let wanted): "\(file): \(what): got \(got), wanted \(wanted)"
        case .overLimit(let file, let what, let got, let limit): "\(file): \(what) is \(got), the limit is \(limit)"
        case .damaged(let file, let what, let problem): "\(file): \(what): \(problem)"
        case .signature(let file, let problem): "\(file): \(problem)"
        case .busy(let store, let doing): "\(store): other processes are using the store, so \(doing) cannot start; try again later"
        case .exists(let path): "\(path): it exists already; remove it first or choose another place"
        }
    }
}

typealias SystemFile = Checkpoints.SystemFile<AdapterStorageError>
typealias DurableFolder = Checkpoints.DurableFolder<AdapterStorageError>

extension AdapterStorageError: FileFailure {}
