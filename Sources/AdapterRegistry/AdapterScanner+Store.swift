import Adapters
import Foundation

extension AdapterScanner {
    /// One adapter of the store. No tensor file is read: hashes come from the manifest.
    /// - Returns: nil when there is none of that name (any more).
    func scan(_ reference: AdapterReference, in store: AdapterStore) -> AdapterEntry? {
        guard let adapter = store.adapter(reference) else { return nil }
        let name = "\(reference)"
        var entry: AdapterEntry
        do throws(AdapterStorageError) {
            let manifest = try adapter.content.get()
            entry = scan(
                folder: try store.materialise(manifest), name: reference.name, shownAs: name,
                known: Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.path, $0.sha256) }), index: index)
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
