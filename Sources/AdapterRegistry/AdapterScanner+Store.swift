import Adapters
import Foundation

extension AdapterScanner {
    /// Folder and store together. A folder hides the stored adapter of its name: what lies in sight is what is worked on.
    func scan(
        folder: URL?, store: AdapterStore?, known: [String: AdapterEntry] = [:]
    ) throws(AdapterRegistryError) -> [String: AdapterEntry] {
        var entries: [String: AdapterEntry] = [:]
        if let store { entries = try scan(store, known: known) }
        if let folder { entries.merge(try scan(folder, known: known)) { _, inFolder in inFolder } }
        return entries
    }

    /// Every adapter of the store. No tensor file is read: hashes come from the manifests.
    private func scan(_ store: AdapterStore, known: [String: AdapterEntry]) throws(AdapterRegistryError) -> [String: AdapterEntry] {
        let adapters: [StoredAdapter]
        do {
            adapters = try store.list()
        } catch {
            throw AdapterRegistryError(path: store.root.path, reason: "\(error)")
        }
        var entries: [String: AdapterEntry] = [:]
        for adapter in adapters {
            let name = "\(adapter.reference)"
            if let entry = known[name], entry.stamps.contains(adapter.stamp), !entry.isStale {
                entries[name] = entry
            } else {
                entries[name] = scan(adapter, name: name, in: store)
            }
        }
        return entries
    }

    private func scan(_ adapter: StoredAdapter, name: String, in store: AdapterStore) -> AdapterEntry {
        var entry: AdapterEntry
        do throws(AdapterStorageError) {
            let manifest = try adapter.content.get()
            entry = scan(
                folder: try store.materialise(manifest), name: adapter.reference.name, shownAs: name,
                known: Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.path, $0.sha256) }))
        } catch {
            let failure = AdapterError.badFile(adapter: name, file: "manifest", problem: "\(error)")
            entry = AdapterEntry(folder: store.root, summary: AdapterSummary(broken: name, failure), error: failure)
        }
        // The name may come to mean another version.
        entry.stamps.append(adapter.stamp)
        return entry
    }
}

extension AdapterSummary {
    /// One that cannot be read at all.
    fileprivate init(broken name: String, _ error: AdapterError) {
        self.init(
            name: name, kind: nil, digest: nil, hookpoints: [], rank: nil, latents: nil, bytes: 0, state: .broken, baseModel: nil,
            description: nil, labels: [:], error: error.description)
    }
}
