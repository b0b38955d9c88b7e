import Foundation
import Tensors

/// A LoRA adapter, loaded and packed for one model shape. Immutable.
package final class LoRAAdapter: Sendable {
    package let name: String
    /// Identifies the exact bytes it was loaded from.
    package let digest: String
    /// The ranks that occur, ascending.
    package let ranks: [Int]
    /// Memory held by the packed matrices.
    package let byteCount: Int
    private let table: [LoRAUpdate?]

    package init(name: String, digest: String, layers: Int, updates: [(layer: Int, module: ProjectionModule, update: LoRAUpdate)]) {
        self.name = name
        self.digest = digest
        var table = [LoRAUpdate?](repeating: nil, count: layers * ProjectionModule.count)
        for entry in updates { table[entry.layer * ProjectionModule.count + entry.module.tableIndex] = entry.update }
        self.table = table
        ranks = Set(updates.map(\.update.rank)).sorted()
        byteCount = updates.reduce(0) { $0 + $1.update.byteCount }
    }

    /// Reads a PEFT folder (`adapter_config.json`, `adapter_model.safetensors`) and packs its matrices in `format`.
    /// - Parameter base: the model that it is for, which DoRA needs.
    /// - Throws: `AdapterError` when a file is missing or malformed, the adapter needs something unsupported, or a tensor does not
    ///   fit the config or `shape`.
    package static func load(
        folder: URL, name: String, digest: String, shape: ModelShape, format: AdapterFormat, base: (any BaseProjections)? = nil,
        pool: WorkerPool
    ) throws(AdapterError) -> LoRAAdapter {
        try LoRALayout(folder: folder, name: name, shape: shape).load(digest: digest, format: format, base: base, pool: pool)
    }

    /// The update of one projection, nil where the adapter leaves it alone. O(1).
    @inline(__always)
    package func update(layer: Int, module: ProjectionModule) -> LoRAUpdate? {
        let index = layer * ProjectionModule.count + module.tableIndex
        return index < table.count ? table[index] : nil
    }

    /// Depth of the model it was loaded for.
    var layers: Int { table.count / ProjectionModule.count }
}
