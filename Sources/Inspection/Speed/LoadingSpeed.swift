import AdapterRegistry
import Downloads
import Foundation
import Measuring
import Models
import Tensors

/// How long an adapter takes from its files to memory, loaded and unloaded as a server does it, in every format in turn.
package struct LoadingSpeed: Encodable {
    package struct Row: Encodable {
        package let format: String
        /// In memory.
        package fileprivate(set) var bytes = 0
        /// Its files may have been on the disk only.
        package fileprivate(set) var firstSeconds = 0.0
        package fileprivate(set) var seconds: [Double] = []
    }

    package let adapter: String
    package let fileBytes: Int
    package private(set) var rows: [Row]

    /// Nil for no formats.
    /// - Parameters:
    ///   - weights: of the model, of which the configuration alone is read.
    ///   - rounds: loads in each format, beside the first.
    /// - Throws: `AdapterChangeError` for an adapter that cannot be loaded.
    package init?(of folder: URL, for weights: ModelWeights, formats: [AdapterFormat], rounds: Int) async throws {
        let name = "adapter"
        var rules = AdapterKeeper.Rules(puller: Puller(hub: try HubEnvironment.read()))
        // Who runs it may read what it names, wherever its links lead.
        rules.folders = AllowedFolders([URL(fileURLWithPath: "/")])
        var keepers: [AdapterKeeper] = []
        var found: Int?
        rows = []
        for format in formats {
            let registry = try AdapterRegistry(
                folder: nil, shape: weights.config.shape, format: .bf16, adapterFormat: format, base: weights.projections, baseName: "")
            let keeper = AdapterKeeper(registry, rules: rules)
            let summary = try await keeper.add(source: folder.path, as: name, loads: false)
            found = found ?? summary.bytes
            rows.append(Row(format: format.rawValue))
            keepers.append(keeper)
        }
        guard let found else { return nil }
        (adapter, fileBytes) = (folder.lastPathComponent, found)
        for round in 0...rounds {
            for (index, keeper) in keepers.enumerated() {
                let start = ContinuousClock.now
                rows[index].bytes = try await keeper.load(name).usage.residentBytes
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                if round == 0 { rows[index].firstSeconds = seconds } else { rows[index].seconds.append(seconds) }
                _ = try await keeper.unload(name)
            }
        }
    }
}
