import AdapterRegistry
import Foundation
import Testing

/// Where an adapter named on a command line lies.
@Suite struct AdapterFolderTests {
    @Test func foldersAndNames() throws {
        let files = FileManager.default
        let root = files.temporaryDirectory.appendingPathComponent("resa-folder-\(UUID().uuidString)").standardizedFileURL
        defer { try? files.removeItem(at: root) }
        for name in ["adapters/tuned", "tuned-elsewhere"] {
            try files.createDirectory(at: root.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        let adapters = root.appendingPathComponent("adapters").path
        let store = AdapterStore(root: root.appendingPathComponent("store"))
        let named = try AdapterFolder.find("tuned", adapters: adapters, store: store)
        #expect(named.folder.path == adapters + "/tuned" && named.name == "tuned")
        let direct = try AdapterFolder.find(root.path + "/tuned-elsewhere", adapters: adapters, store: store)
        #expect(direct.folder.path == root.path + "/tuned-elsewhere" && direct.name == "tuned-elsewhere")
        #expect(AdapterFolder(folder: root, name: "a:7").plainName == "a")
        #expect(throws: AdapterFolderError(adapter: "tunde", adapters: adapters, near: ["tuned"])) {
            try AdapterFolder.find("tunde", adapters: adapters, store: store)
        }
        #expect { try AdapterFolder.find("tunde", adapters: adapters, store: store) } throws: {
            "\($0)" == "there is no adapter folder 'tunde', neither here nor in \(adapters); did you mean tuned?"
        }
        #expect(throws: (any Error).self) { try AdapterFolder.find("nothing", adapters: nil, store: store) }
        let contents = named.summary(for: nil)
        #expect(contents.error != nil && named.tensorFiles.isEmpty)
    }
}
