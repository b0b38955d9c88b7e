import Adapters
import Downloads

/// Why the adapters of a running server were not changed. Paths of the server's disk are not told beyond what the asker said.
package enum AdapterChangeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The adapter cannot be used, or there is no room for it.
    case adapter(AdapterError)
    /// The store refused.
    case storage(AdapterStorageError)
    /// It could not be fetched.
    case pull(PullError)
    /// The operator does not allow it.
    case forbidden(String)
    /// The name or source cannot be one; `parameter` is what requests call it.
    case bad(parameter: String, problem: String)
    /// It was not added while serving, and only then is to be taken away.
    case notAdded(name: String)
    /// Something has the name already, and the asker does not want to replace it.
    case taken(name: String)

    package var description: String {
        switch self {
        case .adapter(let error): error.description
        case .storage(let error): error.description
        case .pull(let error): error.description
        case .forbidden(let reason): reason
        case .bad(_, let problem): problem
        case .notAdded(let name): "the adapter '\(name.prefix(200))' was not added while serving"
        case .taken(let name): "an adapter '\(name)' is served already"
        }
    }
}
