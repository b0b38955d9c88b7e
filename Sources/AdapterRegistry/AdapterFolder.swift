import Adapters
import Checkpoints
import Foundation

/// Where one adapter lies, and what it is called.
package struct AdapterFolder: Sendable {
    package let folder: URL
    /// A tag included.
    package let name: String

    package init(folder: URL, name: String) { (self.folder, self.name) = (folder, name) }

    /// Without its tag.
    package var plainName: String { name.split(separator: ":").first.map(String.init) ?? name }

    /// A folder of `adapters`, a folder, or without `adapters` the folder of a stored adapter.
    /// - Throws: `AdapterFolderError`, and `AdapterStorageError` for a stored one whose files cannot be laid out.
    package static func find(_ adapter: String, adapters: String?, store: AdapterStore = .standard()) throws -> AdapterFolder {
        let direct = URL(fileURLWithPath: adapter, isDirectory: true).standardizedFileURL
        let named = adapters.map { URL(fileURLWithPath: $0, isDirectory: true).appendingPathComponent(adapter).standardizedFileURL }
        for candidate in [named, direct].compactMap({ $0 }) {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), isFolder.boolValue {
                return AdapterFolder(candidate, called: adapter, in: store)
            }
        }
        if adapters == nil, let reference = try? AdapterReference(adapter) {
            return AdapterFolder(try store.materialise(try store.resolve(reference)), called: adapter, in: store)
        }
        let names = adapters.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0) } ?? []
        throw AdapterFolderError(adapter: adapter, adapters: adapters, near: NearNames.find(adapter, among: names))
    }

    /// A stored adapter's folder is named after its digest.
    private init(_ folder: URL, called adapter: String, in store: AdapterStore) {
        self.folder = folder
        name = folder.path.hasPrefix(store.root.path + "/") ? adapter : folder.lastPathComponent
    }

    /// What it holds; a broken one comes back with its error.
    /// - Parameter shape: the model to check its shapes against; nil checks it against itself only.
    package func summary(for shape: ModelShape?) -> AdapterSummary { AdapterRegistry.inspect(folder: folder, name: name, shape: shape) }

    /// A safetensors file, its name relative to the folder.
    package struct TensorFile {
        package let name: String
        package let content: Result<SafetensorsFile, CheckpointError>
    }

    /// Its safetensors files, as deep as an SAE's hookpoints lie, in the order of their names.
    package var tensorFiles: [TensorFile] {
        let files = FileManager.default
        let top = (try? files.contentsOfDirectory(atPath: folder.path)) ?? []
        let names = top.flatMap { entry -> [String] in
            let inside = (try? files.contentsOfDirectory(atPath: folder.appendingPathComponent(entry).path)) ?? []
            return [entry] + inside.map { "\(entry)/\($0)" }
        }
        return names.filter { $0.hasSuffix(".safetensors") }.sorted().map { name in
            let path = folder.appendingPathComponent(name).path
            return TensorFile(name: name, content: Result { () throws(CheckpointError) in try SafetensorsFile(path: path) })
        }
    }
}

/// No folder has the name.
package struct AdapterFolderError: Error, Equatable, CustomStringConvertible {
    package let adapter: String
    package let adapters: String?
    package let near: [String]

    package init(adapter: String, adapters: String?, near: [String]) {
        (self.adapter, self.adapters, self.near) = (adapter, adapters, near)
    }

    package var description: String {
        let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
        return "there is no adapter folder '\(adapter)'\(adapters.map { ", neither here nor in \($0)" } ?? "")\(hint)"
    }
}
