import Adapters
import Foundation

extension AdapterRegistry {
    /// What one adapter's folder holds, wherever it lies; a broken one comes back with its error. Reads its files once for the digest.
    /// - Parameter shape: the model to check its shapes against; nil checks it against itself only.
    package static func inspect(folder: URL, shape: ModelShape?) -> AdapterSummary {
        AdapterScanner(shape: shape, baseName: "").scan(folder: folder, name: folder.lastPathComponent).summary
    }
}
