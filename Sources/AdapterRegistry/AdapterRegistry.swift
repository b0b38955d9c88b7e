// AdapterRegistry: finds adapters on disk, gives them names and digests, and loads them off the engine thread.
// It knows nothing about the engine or HTTP.

import Adapters
import Checkpoints
import Foundation
import Synchronization
import Tensors

/// The adapters of one folder and of the store. Every folder in it is an adapter, named after itself; a stored one is named `NAME` or
/// `NAME:TAG`, and a folder of the same name hides it. What is wrong with a broken one is part of the list, never an obstacle to the others.
///
/// Adapters are loaded when first asked for and stay. A request keeps the exact version it resolved to: when files change, the next
/// request gets a new version with a new digest, and the old one goes with its last user.
package final class AdapterRegistry: Sendable {
    /// Most adapters in one request.
    package static let selectionLimit = 16

    let folder: URL?
    let store: AdapterStore?
    let shape: ModelShape?
    /// The served base's name, which no adapter may have.
    let baseName: String

    struct State {
        var entries: [String: AdapterEntry] = [:]
        var loads: [LoadKey: Load] = [:]
    }

    let state = Mutex(State())
    private let loader: AdapterLoader

    /// Scans `folder` and computes digests, which reads every file once; those of stored adapters are in their manifests.
    /// - Parameters:
    ///   - folder: nil for a server without adapters of its own.
    ///   - store: nil to serve none of the stored adapters.
    ///   - shape: the served model's; nil to list adapters without a model, in which case nothing can be resolved.
    ///   - format: the served model's.
    ///   - adapterFormat: how adapters are held; what goes with `format` when nil.
    /// - Throws: `AdapterRegistryError` when the folder itself cannot be read.
    package init(
        folder: URL?, store: AdapterStore? = nil, shape: ModelShape?, format: WeightFormat, adapterFormat: AdapterFormat? = nil,
        baseName: String
    ) throws(AdapterRegistryError) {
        self.folder = folder
        self.store = store
        self.shape = shape
        self.baseName = baseName
        loader = AdapterLoader(
            scanner: AdapterScanner(shape: shape, baseName: baseName), format: adapterFormat ?? format.adapterFormat)
        let entries = try loader.scanner.scan(folder: folder, store: store)
        state.withLock { $0.entries = entries }
    }

    /// What is known about every adapter, by name. Touches no file: see `refresh` for changes on disk.
    package func list() -> [AdapterSummary] {
        state.withLock { state in
            state.entries.values.map { entry in
                var summary = entry.summary
                if summary.error == nil, let digest = summary.digest {
                    let loads = state.loads.filter { $0.key.name == summary.name && $0.key.digest == digest }
                    if !loads.isEmpty { summary.state = loads.contains { $0.value.isDone } ? .loaded : .loading }
                }
                return summary
            }.sorted { $0.name < $1.name }
        }
    }

    /// What is known about the latents of those of `names` that have labels.
    package func labels(of names: [String]) -> [String: LatentLabels] {
        state.withLock { state in
            var labels: [String: LatentLabels] = [:]
            for name in names {
                guard let found = state.entries[name]?.summary.latentLabels, !found.isEmpty else { continue }
                labels[name] = found
            }
            return labels
        }
    }

    /// Looks at folder and store again: new, changed and deleted adapters. Files that did not change are not read again.
    package func refresh() async {
        // On the loader's queue from beginning to end, so that no older scan can overwrite a newer one.
        await loader.run { [self] in
            let known = state.withLock { $0.entries }
            guard let entries = try? loader.scanner.scan(folder: folder, store: store, known: known) else { return }
            state.withLock { state in
                state.entries = entries
                state.loads = state.loads.filter { entries[$0.key.name]?.summary.digest == $0.key.digest }
            }
        }
    }

    /// The adapter's entry, after a look at the disk when it is new or its files have changed.
    func entry(_ name: String) async throws(AdapterError) -> AdapterEntry {
        if let entry = state.withLock({ $0.entries[name] }), !entry.isStale { return entry }
        await refresh()
        let (entry, names) = state.withLock { ($0.entries[name], $0.entries.keys.sorted()) }
        guard let entry else { throw .unknown(name: name, near: NearNames.find(name, among: names)) }
        return entry
    }

    /// The loaded adapter. Concurrent calls for the same version share one load; a failed load is tried again by the next call.
    func load(_ entry: AdapterEntry, hookpoint: HookPoint?) async throws(AdapterError) -> LoadedAdapter {
        let key = LoadKey(name: entry.summary.name, digest: entry.summary.digest ?? "", hookpoint: hookpoint)
        let task = state.withLock { state in
            if let load = state.loads[key] { return load.task }
            let task = Task { [loader] in
                let result = await loader.load(entry, hookpoint: hookpoint)
                self.finish(key, succeeded: (try? result.get()) != nil)
                return result
            }
            state.loads[key] = Load(task: task)
            return task
        }
        return try await task.value.get()
    }

    private func finish(_ key: LoadKey, succeeded: Bool) {
        state.withLock { state in
            if succeeded { state.loads[key]?.isDone = true } else { state.loads[key] = nil }
        }
    }
}

/// The folder of adapters cannot be read.
package struct AdapterRegistryError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "adapters folder \(path): \(reason)" }
}

/// One version of one adapter, and of an SAE one hookpoint.
struct LoadKey: Hashable, Sendable {
    let name: String
    let digest: String
    let hookpoint: HookPoint?
}

/// A load under way or done.
struct Load: Sendable {
    let task: Task<Result<LoadedAdapter, AdapterError>, Never>
    var isDone = false
}

enum LoadedAdapter: Sendable {
    case lora(LoRAAdapter)
    case sae(SparseAutoencoder)
    case vector(SteeringVectors)
}
