import AdapterRegistry
import Adapters
import Foundation

extension Workbench {
    /// The adapters of a folder, and of the store where one is given.
    /// - Throws: `AdapterRegistryError` when they cannot be listed.
    package func registry(folder: String?, store: AdapterStore?) throws(AdapterRegistryError) -> AdapterRegistry {
        try settings.registry(for: bundle.weights, folder: folder, store: store, baseName: bundle.name)
    }

    /// What a selection makes of one adapter's folder, wherever it lies: its neighbours need not be read.
    /// - Throws: `AdapterError`.
    package func load(_ selection: AdapterSelection, from folder: URL) async throws -> AdapterSet {
        try await settings.registry(for: bundle.weights, attached: [selection.name: folder], baseName: "").resolve([selection])
    }
}
