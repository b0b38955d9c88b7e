/// Why a pull did not happen. Every case says which file or address, what was got and what was wanted. Addresses are shown without their
/// query, because signed links carry a secret there.
package enum PullError: Error, Equatable, CustomStringConvertible {
    /// The source is not written as any source is.
    case badSource(text: String, reason: String)
    /// Nothing may be fetched, and what was asked for is not here.
    case offline(source: String)
    /// A pull that a request asked for goes where the operator does not allow.
    case forbidden(address: String, reason: String)
    /// No answer, or a broken one, after every retry.
    case noAnswer(file: String, address: String, reason: String)
    /// An HTTP status that is neither success nor redirect. `advice` may be empty.
    case status(file: String, address: String, status: Int, message: String, advice: String)
    /// The server asks to wait longer than the settings allow.
    case asksToWait(file: String, address: String, seconds: Int, limit: Int)
    /// A redirect that must not be followed.
    case badRedirect(file: String, address: String, reason: String)
    /// The server sent something else than a file: a web page, compressed bytes, another range than was asked for.
    case wrongAnswer(file: String, address: String, got: String, wanted: String)
    case wrongSize(file: String, got: Int, wanted: Int)
    /// The content is not what the listing, or the person, said. `algorithm` is `sha256` or `git blob`.
    case wrongDigest(file: String, algorithm: String, got: String, wanted: String)
    /// A path of a listing that would lead out of the folder, or clash with another one.
    case unsafePath(path: String, reason: String)
    case tooLarge(what: String, bytes: Int, limit: Int)
    /// The source holds nothing of use.
    case nothingToPull(source: String, reason: String)
    /// The operating system refused.
    case disk(path: String, reason: String)
    /// Another process pulls into the same folder.
    case busy(folder: String)
    case cancelled

    package var description: String {
        switch self {
        case .badSource(let text, let reason): "'\(text)' is no source: \(reason); \(PullSource.form)"
        case .offline(let source): "\(source) is not here, and nothing is fetched while offline (--offline, HF_HUB_OFFLINE)"
        case .forbidden(let address, let reason): "\(address): \(reason)"
        case .noAnswer(let file, let address, let reason): "\(file): \(address): \(reason)"
        case .status(let file, let address, let status, let message, let advice):
            "\(file): \(address) answered \(status)" + (message.isEmpty ? "" : ": \(message)") + (advice.isEmpty ? "" : "; \(advice)")
        case .asksToWait(let file, let address, let seconds, let limit):
            "\(file): \(address) asks to wait \(seconds) s, longer than the limit of \(limit) s; try again later"
        case .badRedirect(let file, let address, let reason): "\(file): \(address) redirects to where it must not: \(reason)"
        case .wrongAnswer(let file, let address, let got, let wanted): "\(file): \(address) sent \(got), wanted \(wanted)"
        case .wrongSize(let file, let got, let wanted): "\(file): got \(got) bytes, wanted \(wanted)"
        case .wrongDigest(let file, let algorithm, let got, let wanted): "\(file): the \(algorithm) digest is \(got), wanted \(wanted)"
        case .unsafePath(let path, let reason): "the listing's path '\(path)' is refused: \(reason)"
        case .tooLarge(let what, let bytes, let limit): "\(what) has \(bytes) bytes, more than the limit of \(limit)"
        case .nothingToPull(let source, let reason): "\(source): \(reason)"
        case .disk(let path, let reason): "\(path): \(reason)"
        case .busy(let folder): "\(folder): another pull is writing there"
        case .cancelled: "the pull was cancelled; what has arrived is kept and a later pull goes on from there"
        }
    }
}
