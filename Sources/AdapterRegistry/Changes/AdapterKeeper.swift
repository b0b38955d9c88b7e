import Adapters
import Checkpoints
import Downloads
import Foundation
import Synchronization

/// Changes what a running server serves: adds adapters, takes them away, loads, unloads and pins them. The operator says what may be asked for.
///
/// A folder of this machine is attached where it lies, until the server ends; what is fetched or unpacked goes to the store, and stays.
package final class AdapterKeeper: Sendable {
    /// What the operator allows.
    package struct Rules: Sendable {
        /// Where paths may lead.
        package var folders = AllowedFolders([])
        /// What may be fetched, and how; `settings.policy` is off unless somebody said otherwise.
        package var puller: Puller

        package init(puller: Puller) { self.puller = puller }
    }

    let registry: AdapterRegistry
    let store: AdapterStore?
    let rules: Rules
    /// Names that came by `add`, and are still there for all that is known.
    private let added = Mutex<Set<String>>([])

    package init(_ registry: AdapterRegistry, rules: Rules) {
        (self.registry, self.rules) = (registry, rules)
        store = registry.state.withLock { $0.places.store }
    }

    /// Serves an adapter under a name. A name that is taken comes to mean it in one step: requests in flight keep the version they began
    /// with, the next gets the new one.
    /// - Parameters:
    ///   - source: a path, the name of a stored adapter, `hf:ORG/REPO` or `https://HOST/FILE`.
    ///   - replaces: whether the name may be taken.
    ///   - loads: whether to load it at once (an SAE of several hookpoints is not: requests choose one).
    package func add(
        source text: String, as name: String, replaces: Bool = true, loads: Bool = true
    ) async throws(AdapterChangeError) -> AdapterSummary {
        let source = try AdapterSource(text)
        let name = AdapterReference.canonical(name)
        try check(name: name)
        if !replaces {
            await registry.refresh()
            guard registry.summary(of: name) == nil else { throw .taken(name: name) }
        }
        switch source {
        case .path(let path):
            guard let place = rules.folders.find(path) else { throw notAllowed(path) }
            try await add(place, as: name, loads: loads)
        case .name(let text):
            if let place = rules.folders.find(text) {
                try await add(place, as: name, loads: loads)
            } else {
                try await addStored(text, as: name, loads: loads)
            }
        case .pull(let source):
            let (store, reference) = try destination(name)
            _ = try await StorePull(store: store, puller: rules.puller).pull(source, as: reference, shape: registry.shape)
            try await publish(name, loads: loads)
        }
        _ = added.withLock { $0.insert(name) }
        return try summary(name)
    }

    private func add(_ place: URL, as name: String, loads: Bool) async throws(AdapterChangeError) {
        if FileStamp(path: place.path)?.isRegular == true {
            guard place.lastPathComponent.hasSuffix(".resa") else {
                throw .bad(parameter: "source", problem: "source must be an adapter's folder or a .resa file; this is another file")
            }
            return try await addPack(place, as: name, loads: loads)
        }
        guard !name.utf8.contains(UInt8(ascii: ":")) else {
            throw .bad(parameter: "name", problem: "a folder is served under a plain name; tags are for stored adapters")
        }
        do throws(AdapterError) { try await registry.attach(place, within: rules.folders, as: name, loads: loads) } catch {
            throw .adapter(error)
        }
    }

    private func addPack(_ pack: URL, as name: String, loads: Bool) async throws(AdapterChangeError) {
        let (store, reference) = try destination(name)
        let (shape, folders) = (registry.shape, rules.folders)
        let result: Result<Void, AdapterChangeError> = await registry.onScanningThread { _ in
            var failure: AdapterError?
            do throws(AdapterStorageError) {
                // Somebody may have put a link in its place since the path was looked at.
                let reader = try PackReader(path: pack.path) { folders.hold(openFile: $0) }
                _ = try reader.add(to: store, as: reference) { (folder) throws(AdapterStorageError) in
                    failure = AdapterScanner(shape: shape, baseName: "").check(folder: folder, name: reference.name)
                    if let failure { throw .badSource(path: pack.lastPathComponent, problem: failure.description) }
                }
                return .success(())
            } catch {
                return .failure(failure.map(AdapterChangeError.adapter) ?? .storage(error))
            }
        }
        try result.get()
        try await publish(name, loads: loads)
    }

    private func addStored(_ text: String, as name: String, loads: Bool) async throws(AdapterChangeError) {
        let (store, reference) = try destination(name)
        do throws(AdapterStorageError) {
            _ = try store.add(try store.resolve(try AdapterReference(text)), as: reference)
        } catch {
            throw .storage(error)
        }
        try await publish(name, loads: loads)
    }

    /// Makes requests see what the store holds under the name now.
    private func publish(_ name: String, loads: Bool) async throws(AdapterChangeError) {
        do throws(AdapterError) {
            await registry.detach(name)
            if loads { try await registry.prefetch(name, isWhole: false) }
        } catch {
            throw .adapter(error)
        }
    }

    /// Where what is not served in place goes.
    private func destination(_ name: String) throws(AdapterChangeError) -> (AdapterStore, AdapterReference) {
        guard let store else { throw .forbidden("this server has no store (--no-store), and only folders are served in place") }
        guard !registry.holdsFolder(name) else {
            throw .forbidden("'\(name)' is a folder of the folder of adapters, which would hide it: choose another name")
        }
        do throws(AdapterStorageError) {
            return (store, try AdapterReference(name))
        } catch {
            throw .bad(parameter: "name", problem: error.description)
        }
    }

    private func check(name: String) throws(AdapterChangeError) {
        let bare = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)[0]
        if let problem = registry.scanner.problem(withName: String(bare)) { throw .bad(parameter: "name", problem: problem) }
        guard !bare.hasPrefix("."), !name.utf8.contains(UInt8(ascii: "/")) else {
            throw .bad(parameter: "name", problem: "names hold no '/' and begin with no '.'")
        }
    }

    private func notAllowed(_ path: String) -> AdapterChangeError {
        .forbidden("'\(path.prefix(200))' is not in a folder that requests may name, or is not there; the operator allows folders")
    }

    /// Takes a name away. What was attached is forgotten; a stored adapter's name is removed from the store.
    package func remove(_ name: String) async throws(AdapterChangeError) {
        let name = AdapterReference.canonical(name)
        _ = added.withLock { $0.remove(name) }
        if await registry.detach(name) { return }
        guard !registry.holdsFolder(name) else {
            throw .forbidden("'\(name)' is a folder of the folder of adapters: whoever may write there takes it away")
        }
        guard let store, let reference = try? AdapterReference(name), store.contains(reference) else {
            throw .adapter(registry.unknown(name))
        }
        do throws(AdapterStorageError) { try store.remove(reference) } catch { throw .storage(error) }
        _ = await registry.look(at: name, settleSeconds: 0)
    }

    /// Takes away what was added while serving, as `remove` does.
    /// - Returns: false when it was not; then nothing happens.
    package func removeAdded(_ name: String) async throws(AdapterChangeError) -> Bool {
        guard added.withLock({ $0.contains(AdapterReference.canonical(name)) }) else { return false }
        try await remove(name)
        return true
    }

    /// Loads an adapter ahead of the requests that will use it.
    /// - Parameters:
    ///   - layer, site: which hookpoints of an SAE; all that these leave over.
    ///   - pins: whether it stays until it is unpinned.
    package func load(
        _ name: String, layer: Int? = nil, site: HookPoint.Site? = nil, pins: Bool = false
    ) async throws(AdapterChangeError) -> AdapterSummary {
        let name = AdapterReference.canonical(name)
        do throws(AdapterError) {
            try await registry.prefetch(name, isWhole: true, layer: layer, site: site, pins: pins)
        } catch {
            throw .adapter(error)
        }
        return try summary(name)
    }

    /// Takes an adapter out of memory, and its pin away. Requests in flight keep it to their ends.
    package func unload(_ name: String) async throws(AdapterChangeError) -> AdapterSummary {
        let name = AdapterReference.canonical(name)
        _ = try summary(name)
        registry.residency.unload(name)
        return try summary(name)
    }

    package func unpin(_ name: String) async throws(AdapterChangeError) -> AdapterSummary {
        let name = AdapterReference.canonical(name)
        _ = try summary(name)
        registry.residency.unpin(name)
        return try summary(name)
    }

    private func summary(_ name: String) throws(AdapterChangeError) -> AdapterSummary {
        guard let summary = registry.summary(of: name) else { throw .adapter(registry.unknown(name)) }
        return summary
    }
}
