import Adapters
import Foundation
import Synchronization

/// The adapters in memory, within a limit of bytes: loaded when wanted, evicted when others need their place and nobody uses them, the one
/// that was not used for longest first.
///
/// What requests use or somebody has pinned is never evicted. When nothing else is left, a further adapter is refused, and the requests
/// in flight go on: memory that is promised to nobody else stays bounded, and the refused client may come again.
final class AdapterResidency: Sendable {
    private let state: Mutex<ResidencyState>
    /// Gets adapters that nobody needs: giving back their memory takes time that threads which decode do not have.
    private let dispose: @Sendable ([LoadedAdapter]) -> Void

    init(limit: Int, dispose: @escaping @Sendable ([LoadedAdapter]) -> Void) {
        state = Mutex(ResidencyState(limit: limit))
        self.dispose = dispose
    }

    /// The adapter, and what keeps it in its place. Concurrent calls for the same version share one load.
    /// - Parameters:
    ///   - bytes: memory it will take, as far as its headers tell.
    ///   - isRequest: whether a request wants it, and not somebody who loads ahead.
    /// - Throws: `AdapterError.tooLarge` or `.noRoom`; what `read` fails with.
    func acquire(
        _ key: LoadKey, bytes: Int, isRequest: Bool, read: @escaping @Sendable () async -> Result<LoadedAdapter, AdapterError>
    ) async throws(AdapterError) -> (adapter: LoadedAdapter, lease: AdapterLease) {
        let entered = change { state, evicted in
            state.enter(key, bytes: bytes, isRequest: isRequest, evicted: &evicted) { slot in
                Task {
                    let start = ContinuousClock.now
                    let result = await read()
                    let seconds = (ContinuousClock.now - start) / .seconds(1)
                    self.change { state, evicted in
                        state.finish(key, slot: slot, result, seconds: seconds, evicted: &evicted)
                    }
                    return result
                }
            }
        }
        switch entered {
        case .loaded(let adapter, let slot): return (adapter, AdapterLease(key, slot: slot, of: self))
        case .loading(let task, let slot):
            let lease = AdapterLease(key, slot: slot, of: self)
            return (try await task.value.get(), lease)
        case .refused(let error): throw error
        }
    }

    func release(_ key: LoadKey, slot: Int) { change { $0.release(key, slot: slot, evicted: &$1) } }

    /// Lets go of what `isWanted` does not want, with its last request, and of what is known about names that are not `isKnown`.
    func retire(unless isWanted: (LoadKey) -> Bool, forgetting isKnown: ((String) -> Bool)? = nil) {
        change { state, evicted in
            state.retire(evicted: &evicted, unless: isWanted)
            if let isKnown { state.forget(unless: isKnown) }
        }
    }

    /// Takes the adapter out of memory, and its pin away.
    func unload(_ name: String) {
        change { state, evicted in
            state.unpin(name, evicted: &evicted)
            let wanted = state.slots.filter { $0.key.name != name && !$0.value.isRetired }
            state.retire(evicted: &evicted) { wanted[$0] != nil }
        }
    }

    func pin(_ name: String) { change { state, _ in state.pin(name) } }
    func unpin(_ name: String) { change { $0.unpin(name, evicted: &$1) } }
    func limit(_ bytes: Int) { change { $0.limit(bytes, evicted: &$1) } }

    func usage(_ name: String, digest: String?) -> (usage: AdapterUsage, isLoaded: Bool, isLoading: Bool) {
        state.withLock { $0.usage(name, digest: digest) }
    }

    /// Whether anything of this version is in memory.
    func holds(_ name: String, digest: String) -> Bool { usage(name, digest: digest).isLoaded }

    var statistics: AdapterStatistics { state.withLock { $0.statistics } }

    @discardableResult
    private func change<T: Sendable>(_ body: (inout ResidencyState, inout [LoadedAdapter]) -> T) -> T {
        var evicted: [LoadedAdapter] = []
        let result = state.withLock { state in body(&state, &evicted) }
        if !evicted.isEmpty { dispose(evicted) }
        return result
    }
}
