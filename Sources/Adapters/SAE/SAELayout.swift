import Foundation
import Tensors

/// A folder that holds an SAE for one hookpoint, read and checked but not loaded. One conforming type for each format.
package protocol SAELayout: Sendable {
    var hookpoint: HookPoint { get }
    /// The files that decide what it does, relative to the folder.
    var files: [String] { get }
    /// M
    var latents: Int { get }
    /// Latents selected per token; nil where their number varies.
    var k: Int? { get }
    var activation: SparseAutoencoder.Activation { get }
    var transcode: Bool { get }
    var skip: Bool { get }
    /// d
    var width: Int { get }
    /// Reads and packs every tensor.
    func load(digest: String, format: FloatFormat, pool: WorkerPool) throws(AdapterError) -> SparseAutoencoder
}

/// Where an adapter keeps the SAE of one hookpoint, and in which format.
package struct SAEPlace: Sendable, Equatable {
    package enum Format: Sendable, Equatable {
        /// The folder's name says which hookpoint it is for.
        case sparsify(HookPoint)
        /// The config says it.
        case saelens
        /// The config says it, or where there is none the folder's name.
        case gemmaScope(HookPoint?)
    }

    /// Relative to the adapter's folder; empty for that folder itself.
    package let folder: String
    package let format: Format

    /// What `contents` of a folder make of it; nil for nothing. sparsify's folders are told by their names instead.
    package static func format(of contents: Set<String>, folderName: String) -> Format? {
        if contents.contains(SAELensLayout.tensorFile), contents.contains(SAELensLayout.configFile) { return .saelens }
        return contents.contains(GemmaScopeConfig.tensorFile) ? .gemmaScope(HookPoint(folderName)) : nil
    }

    package init(folder: String, format: Format) {
        self.folder = folder
        self.format = format
    }

    /// Reads config and tensor header, and checks one against the other and both against `shape` (nil: unknown).
    /// - Parameter adapterFolder: the adapter's own folder.
    package func open(in adapterFolder: URL, name: String, shape: ModelShape?) throws(AdapterError) -> any SAELayout {
        let url = folder.isEmpty ? adapterFolder : adapterFolder.appendingPathComponent(folder)
        switch format {
        case .sparsify(let hookpoint):
            return try SparsifyLayout(folder: url, name: name, hookpoint: hookpoint, shownAs: folder, shape: shape)
        case .saelens:
            return try SAELensLayout(folder: url, name: name, shownAs: folder, shape: shape)
        case .gemmaScope(let hookpoint):
            return try SAELensLayout(gemmaScope: url, name: name, hookpoint: hookpoint, shownAs: folder, shape: shape)
        }
    }
}

extension SAELayout {
    /// About how much memory it takes when loaded, in bytes: encoder, decoder and skip matrix; vectors are left out.
    package func residentBytes(_ format: FloatFormat) -> Int {
        let element = format == .f32 ? 4 : 2
        // Beside the rows, a shortlisting encoder keeps 8-bit codes.
        let codes = activation == .topk && format == .bf16 ? latents * width : 0
        return 2 * latents * width * element + codes + (skip ? width * width * element : 0)
    }
}
