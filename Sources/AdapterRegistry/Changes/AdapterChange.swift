import Adapters
import Downloads

/// What can be asked of the adapters that a running server serves; `AdapterKeeper` tells what each does.
package enum AdapterChange: Sendable, Equatable {
    case add(source: String, name: String, replaces: Bool, loads: Bool)
    /// - onlyAdded: take it away only if it was added while serving.
    case remove(String, onlyAdded: Bool)
    case load(String, layer: Int?, site: HookPoint.Site?, pins: Bool)
    case unload(String)
    case unpin(String)
}

extension AdapterKeeper {
    /// - Returns: the adapter as it is then; nil when its name is gone.
    package func perform(_ change: AdapterChange) async throws(AdapterChangeError) -> AdapterSummary? {
        switch change {
        case .add(let source, let name, let replaces, let loads):
            return try await add(source: source, as: name, replaces: replaces, loads: loads)
        case .remove(let name, false): try await remove(name)
        case .remove(let name, true): guard try await removeAdded(name) else { throw .notAdded(name: name) }
        case .load(let name, let layer, let site, let pins): return try await load(name, layer: layer, site: site, pins: pins)
        case .unload(let name): return try await unload(name)
        case .unpin(let name): return try await unpin(name)
        }
        return nil
    }
}

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
