import Adapters
import Foundation

extension AdapterRegistry {
    /// Whether a plain folder of the folder of adapters has the name.
    func holdsFolder(_ name: String) -> Bool { state.withLock { $0.places }.holdsFolder(name) }

    /// Serves a folder, wherever it lies, under a name until `detach`. It is loaded before the name means it: the next request waits for
    /// nothing.
    /// - Parameter within: where its files may lie; links out of there are refused, now and whenever it is loaded.
    /// - Throws: what is wrong with it; then the name means what it meant.
    func attach(_ folder: URL, within: AllowedFolders, as name: String, loads: Bool) async throws(AdapterError) {
        let entry = await onScanningThread { $0.scanner.scan(folder: folder, name: name, within: within) }
        if let error = entry.error { throw error }
        var leases: [AdapterLease] = []
        if loads { leases = try await prefetch(entry, entry.residentBytes.count == 1 ? Array(entry.residentBytes.keys) : []) }
        let isCurrent = await onScanningThread { registry in
            guard !entry.isStale else { return false }
            registry.state.withLock { state in
                state.places.attached[name] = AdapterPlaces.Attached(folder: folder, within: within)
                state.entries[name] = entry
            }
            registry.retireOldVersions()
            return true
        }
        // Until the name means it, a version has no other hold.
        withExtendedLifetime(leases) {}
        guard isCurrent else {
            throw .badFile(adapter: name, file: ".", problem: "its files changed while they were read; try again")
        }
    }

    /// Forgets a folder that was attached, and looks at what has its name then.
    /// - Returns: whether there was one.
    @discardableResult
    func detach(_ name: String) async -> Bool {
        let wasAttached = state.withLock { $0.places.attached.removeValue(forKey: name) != nil }
        _ = await look(at: name, settleSeconds: 0)
        return wasAttached
    }

    /// Loads an adapter ahead of requests.
    /// - Parameters:
    ///   - isWhole: whether an SAE of several hookpoints is loaded too.
    ///   - layer, site: which hookpoints of an SAE.
    ///   - pins: whether it stays until it is unpinned.
    func prefetch(
        _ name: String, isWhole: Bool, layer: Int? = nil, site: HookPoint.Site? = nil, pins: Bool = false
    ) async throws(AdapterError) {
        let entry = try await entry(name)
        if let error = entry.error { throw error }
        var wanted: [HookPoint?] = [nil]
        if entry.summary.kind == .sae {
            wanted = try fitting(AdapterSelection(name: name, layer: layer, at: site), among: entry.summary.hookpoints)
        } else if layer != nil || site != nil {
            throw .badParameter(adapter: name, parameter: layer != nil ? "layer" : "at", problem: "is for SAEs")
        }
        guard isWhole || wanted.count == 1 else { return }
        let leases = try await prefetch(entry, wanted)
        // While nothing of it can be evicted.
        if pins { residency.pin(name) }
        withExtendedLifetime(leases) {}
    }

    private func prefetch(_ entry: AdapterEntry, _ hookpoints: [HookPoint?]) async throws(AdapterError) -> [AdapterLease] {
        var leases: [AdapterLease] = []
        for hookpoint in hookpoints { leases.append(try await load(entry, hookpoint: hookpoint, isRequest: false).lease) }
        return leases
    }
}
