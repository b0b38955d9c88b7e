import Foundation

@testable import AdapterRegistry

/// A temporary home of one store, with room for packs and folders beside it; removed with its owner.
final class StoreFolder {
    let url: URL
    var store: AdapterStore

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("resa-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        store = AdapterStore(root: url.appendingPathComponent("store"))
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> URL { url.appendingPathComponent(name) }

    /// Makes a folder of these files.
    @discardableResult
    func folder(_ name: String, _ files: [String: Data]) throws -> URL {
        for (path, data) in files {
            let place = self.path(name).appendingPathComponent(path)
            try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try data.write(to: place)
        }
        return path(name)
    }

    /// The files below a folder, by path; links are followed.
    static func contents(_ folder: URL) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            var isFolder: ObjCBool = false
            let place = folder.appendingPathComponent(path)
            if FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder), !isFolder.boolValue {
                files[path] = try Data(contentsOf: place)
            }
        }
        return files
    }

    func blobCount() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: store.blobs.path).count }
}

func name(_ text: String) throws -> AdapterReference { try AdapterReference(text) }
