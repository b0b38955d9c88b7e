// AdapterRegistry: finds adapters on disk, gives them names and digests, and loads them off the engine thread.
// It knows nothing about the engine or HTTP.

import Adapters
import Checkpoints
import Foundation
import Synchronization
import Tensors

/// The adapters of one folder, of the store, and those that were attached while serving. Every folder in the folder is an adapter, named
/// after itself; a stored one is named `NAME` or `NAME:TAG`; which of several has a name says `AdapterPlaces`. What is wrong with a broken
/// one is part of the list, never an obstacle to the others.
///
/// Adapters are loaded when first asked for and stay as long as there is room (`AdapterResidency`). A request keeps the exact version it
/// resolved to: when files change, the next request gets a new version with a new digest, and the old one goes with its last user.
package final class AdapterRegistry: Sendable {
    /// Most adapters in one request.
    package static let selectionLimit = 16
    /// How long a request waits for files that are being written.
    private static let patience = Duration.seconds(10)

    let shape: ModelShape?
    /// The served base's name, which no adapter may have.
    let baseName: String
    private let settleSeconds: Double

    struct State {
        var places: AdapterPlaces
        var entries: [String: AdapterEntry] = [:]
    }

    let state: Mutex<State>
    let residency: AdapterResidency
    let scanner: AdapterScanner
    private let loader: AdapterLoader
    /// Every look at the disk after the first, from beginning to end, so that no older one can overwrite a newer one.
    private let scanning = BackgroundThread("resa.scan", threads: 1)

    /// Scans the places and computes digests, which reads every file of the folder once; those of stored adapters are in their manifests.
    /// - Parameters:
    ///   - folder: nil for a server without adapters of its own.
    ///   - store: nil to serve none of the stored adapters.
    ///   - attached: single folders by names of their own, wherever they and their links lie.
    ///   - shape: the served model's; nil to list adapters without a model, in which case nothing can be resolved.
    ///   - format: the served model's.
    ///   - adapterFormat: how adapters are held; what goes with `format` when nil.
    ///   - base: the served model's weights as stored, for DoRA; without them such adapters are listed but cannot be loaded.
    ///   - memory: bytes that loaded adapters may take.
    ///   - settleSeconds: how long the files of a folder must have been left alone before a changed adapter is taken for one.
    /// - Throws: `AdapterRegistryError` when the folder itself cannot be read.
    package init(
        folder: URL?, store: AdapterStore? = nil, attached: [String: URL] = [:], shape: ModelShape?, format: WeightFormat,
        adapterFormat: AdapterFormat? = nil, base: (any BaseProjections)? = nil, baseName: String, memory: Int = .max,
        settleSeconds: Double = 0
    ) throws(AdapterRegistryError) {
        self.shape = shape
        self.baseName = baseName
        self.settleSeconds = settleSeconds
        let adapterFormat = adapterFormat ?? format.adapterFormat
        let loader = AdapterLoader(shape: shape, format: adapterFormat, base: base)
        self.loader = loader
        residency = AdapterResidency(limit: memory) { loader.dispose($0) }
        scanner = AdapterScanner(
            shape: shape, baseName: baseName, format: adapterFormat,
            index: store.map { LoRAIndex(store: $0, shape: shape, format: adapterFormat) })
        let places = AdapterPlaces(
            folder: folder, store: store, attached: attached.mapValues { AdapterPlaces.Attached(folder: $0, within: nil) })
        state = Mutex(State(places: places, entries: try scanner.scan(places)))
    }

    /// What is known about every adapter, by name. Touches no file: see `refresh` for changes on disk.
    package func list() -> [AdapterSummary] {
        let entries = state.withLock { $0.entries }
        return entries.values.map(summary).sorted { $0.name < $1.name }
    }

    /// One of the list; nil when there is none of the name.
    package func summary(of name: String) -> AdapterSummary? { state.withLock { $0.entries[name] }.map(summary) }

    private func summary(_ entry: AdapterEntry) -> AdapterSummary {
        var summary = entry.summary
        let (usage, isLoaded, isLoading) = residency.usage(summary.name, digest: summary.digest)
        summary.usage = usage
        if summary.error == nil {
            if isLoaded { summary.state = usage.isPinned ? .pinned : .loaded } else if isLoading { summary.state = .loading }
        }
        return summary
    }

    /// What residency has cost so far.
    package var statistics: AdapterStatistics { residency.statistics }

    /// Changes how many bytes loaded adapters may take; what is too much goes as soon as nobody uses it.
    package func limitMemory(_ bytes: Int) { residency.limit(bytes) }

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

    /// Looks at every place again: new, changed and deleted adapters. Files that did not change are not read again.
    package func refresh() async {
        await onScanningThread { registry in
            let (places, known) = registry.state.withLock { ($0.places, $0.entries) }
            guard let entries = try? registry.scanner.scan(places, known: known, settleSeconds: registry.settleSeconds) else { return }
            registry.state.withLock { $0.entries = entries }
            registry.retireOldVersions()
        }
    }

    /// Refreshes again and again until the task is cancelled: adapters that come, change and go are seen without a request that asks.
    package func watch(every seconds: Double) async {
        while (try? await Task.sleep(for: .seconds(seconds))) != nil { await refresh() }
    }

    /// Work that looks at the disk and changes entries by what it finds.
    func onScanningThread<T: Sendable>(_ work: @escaping @Sendable (AdapterRegistry) -> T) async -> T {
        await scanning.run { [self] _ in work(self) }
    }

    /// Versions that no name means any more go, with their last requests.
    func retireOldVersions() {
        let digests = state.withLock { $0.entries.mapValues(\.summary.digest) }
        residency.retire {
            digests[$0.name] == $0.digest
        } forgetting: {
            digests[$0] != nil
        }
    }

    /// The adapter's entry, after a look at the disk when it is new or its files have changed. While its files are being written, requests
    /// get the version before if that is in memory, and else wait.
    /// - Parameter acceptsOld: whether the version before will do.
    func entry(_ name: String, acceptsOld: Bool = true) async throws(AdapterError) -> AdapterEntry {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            let known = state.withLock { $0.entries[name] }
            if let known, !known.isStale { return known }
            let isLate = ContinuousClock.now >= deadline
            switch await look(at: name, settleSeconds: isLate ? 0 : settleSeconds) {
            case .entry(let entry): return entry
            case .nothing: throw unknown(name)
            case .unsettled:
                if acceptsOld, let known, let digest = known.summary.digest, residency.holds(name, digest: digest) { return known }
                guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { throw unknown(name) }
            }
        }
    }

    /// The error for a name that nothing has, with names near it.
    func unknown(_ name: String) -> AdapterError {
        .unknown(name: name, near: NearNames.find(name, among: state.withLock { $0.entries.keys.sorted() }))
    }

    /// Looks at the place of one name.
    func look(at name: String, settleSeconds: Double) async -> AdapterPlaces.Found {
        await onScanningThread { registry in
            let (places, known) = registry.state.withLock { ($0.places, $0.entries[name]) }
            let found =
                places.place(of: name).map {
                    registry.scanner.look(at: $0, name: name, in: places, known: known, settleSeconds: settleSeconds)
                } ?? .nothing
            switch found {
            case .entry(let entry): registry.state.withLock { $0.entries[name] = entry }
            case .nothing: registry.state.withLock { $0.entries[name] = nil }
            case .unsettled: return found
            }
            registry.retireOldVersions()
            return found
        }
    }

    /// The loaded adapter, and what keeps it loaded. Concurrent calls for the same version share one load; a failed load is tried again by
    /// the next call.
    func load(
        _ entry: AdapterEntry, hookpoint: HookPoint?, isRequest: Bool
    ) async throws(AdapterError) -> (adapter: LoadedAdapter, lease: AdapterLease) {
        let key = LoadKey(name: entry.summary.name, digest: entry.summary.digest ?? "", hookpoint: hookpoint)
        return try await residency.acquire(key, bytes: entry.residentBytes[hookpoint] ?? 0, isRequest: isRequest) { [loader] in
            await loader.load(entry, hookpoint: hookpoint)
        }
    }
}

/// The folder of adapters cannot be read.
package struct AdapterRegistryError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "adapters folder \(path): \(reason)" }
}

extension AdapterRegistry {
    /// What one adapter's folder holds, wherever it lies; a broken one comes back with its error. Reads its files once for the digest.
    /// - Parameters:
    ///   - name: what it is called, a tag included; nil for the folder's name.
    ///   - shape: the model to check its shapes against; nil checks it against itself only.
    package static func inspect(folder: URL, name: String? = nil, shape: ModelShape?) -> AdapterSummary {
        let bare = name?.split(separator: ":").first.map(String.init) ?? folder.lastPathComponent
        return AdapterScanner(shape: shape, baseName: "").scan(folder: folder, name: bare, shownAs: name).summary
    }
}
