import Adapters

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
