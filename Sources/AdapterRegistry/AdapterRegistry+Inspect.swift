import Adapters
import Foundation

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
