import Adapters
import Checkpoints
import Foundation

/// Finds the SAEs of an adapter's folder.
///
/// A SAELens SAE, or one of Gemma Scope 2, is any folder, the adapter's own or one up to `depthLimit` levels below it, that holds its files: its config
/// says where it hooks in. A sparsify SAE is a folder named as its hookpoint, the adapter's own or one in it.
enum SAEPlaces {
    private static let depthLimit = 3
    /// Folders looked at for one adapter.
    private static let folderLimit = 4096

    /// - Returns: in the order of their paths.
    static func find(in folder: URL, contents: Set<String>, adapter: String) throws(AdapterError) -> [SAEPlace] {
        var places: [SAEPlace] = []
        if let format = SAEPlace.format(of: contents, folderName: adapter) {
            places.append(SAEPlace(folder: "", format: format))
        } else if contents.contains(SparsifyLayout.configFile) {
            guard let hookpoint = HookPoint(adapter) else {
                throw .badFile(
                    adapter: adapter, file: SparsifyLayout.configFile,
                    problem: "nothing says which hookpoint it is for: move it and its tensors into a folder named as one, such as layers.12"
                )
            }
            places.append(SAEPlace(folder: "", format: .sparsify(hookpoint)))
        }
        var looked = 0
        for name in contents.sorted() where !name.hasPrefix(".") {
            search(folder, name, depth: 1, looked: &looked, into: &places)
        }
        return places
    }

    private static func search(_ root: URL, _ path: String, depth: Int, looked: inout Int, into places: inout [SAEPlace]) {
        let folder = root.appendingPathComponent(path)
        // Plain files are most of what there is; a link is followed once, from the adapter's own folder.
        guard looked < folderLimit, FileStamp(path: folder.path)?.isRegular == false else { return }
        if depth > 1, (try? FileManager.default.destinationOfSymbolicLink(atPath: folder.path)) != nil { return }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return }
        looked += 1
        let contents = Set(names)
        if let format = SAEPlace.format(of: contents, folderName: folder.lastPathComponent) {
            places.append(SAEPlace(folder: path, format: format))
        } else if depth == 1, contents.contains(SparsifyLayout.configFile), let hookpoint = HookPoint(path) {
            places.append(SAEPlace(folder: path, format: .sparsify(hookpoint)))
        }
        guard depth < depthLimit else { return }
        for name in contents.sorted() where !name.hasPrefix(".") {
            search(root, path + "/" + name, depth: depth + 1, looked: &looked, into: &places)
        }
    }
}
