import Checkpoints
import Digests
import Foundation
import Testing

@testable import AdapterRegistry

/// Keeping adapters by content.
@Suite struct StoreTests {
    let files = [
        "a.json": Data("{}".utf8), "layers.1/cfg.json": Data("1".utf8), "layers.1/empty": Data(), "layers.2/cfg.json": Data("1".utf8),
    ]

    @Test func whatIsAddedComesBackAsFilesUnderTheirHashes() throws {
        let home = try StoreFolder()
        let manifest = try home.store.add(folder: home.folder("in", files), as: name("math:v2"), source: "hf:org/repo")
        #expect(manifest.files.map(\.path) == files.keys.sorted())
        for file in manifest.files {
            let data = try #require(files[file.path])
            #expect(file.size == data.count && file.sha256 == HexText.of(SHA256.of(data)))
            #expect(try Data(contentsOf: home.store.blob(file.sha256)) == data)
        }
        #expect(try home.blobCount() == 3)
        #expect(try home.store.resolve(name("math:v2")) == manifest)
        #expect(manifest.source == "hf:org/repo")
        let folder = try home.store.materialise(manifest)
        #expect(try StoreFolder.contents(folder) == files)
        #expect(try home.store.list().map { "\($0.reference)" } == ["math:v2"])
        #expect(try home.store.verify() == [])
    }

    @Test func aNameMeansItsLatestVersion() throws {
        let home = try StoreFolder()
        let old = try home.store.add(folder: home.folder("old", ["x": Data("1".utf8)]), as: name("math"))
        let new = try home.store.add(folder: home.folder("new", ["x": Data("2".utf8)]), as: name("math:latest"))
        #expect(old.digest != new.digest)
        #expect(try home.store.resolve(name("math")) == new)
        #expect(try home.store.sweep() == AdapterStore.Swept(blobs: 1, bytes: 1, folders: 1, partials: 0))
        #expect(try home.store.verify() == [])
    }

    @Test func unknownNamesComeWithNearOnes() throws {
        let home = try StoreFolder()
        #expect(throws: AdapterStorageError.unknown(name: "math", near: [])) { try home.store.resolve(name("math")) }
        _ = try home.store.add(folder: home.folder("in", files), as: name("maths"))
        #expect(throws: AdapterStorageError.unknown(name: "math", near: ["maths"])) { try home.store.resolve(name("math")) }
        #expect(throws: AdapterStorageError.unknown(name: "math", near: ["maths"])) { try home.store.remove(name("math")) }
        #expect(throws: AdapterStorageError.unknown(name: "math", near: ["maths"])) { try home.store.verify([name("math")]) }
    }

    @Test(arguments: ["", ":", "a:", ":a", "a:b:c", ".a", "-a", "a/b", "../a", "a b", "ä", String(repeating: "a", count: 129)])
    func namesThatCouldLeaveTheStoreAreRefused(_ text: String) {
        #expect(throws: AdapterStorageError.self) { try AdapterReference(text) }
    }

    @Test func pullsThatDidNotEndAreSweptUnlessTheyAreUnderWay() throws {
        let home = try StoreFolder()
        let pulls = home.store.root.appendingPathComponent("pulls")
        func begin(_ name: String) throws -> URL {
            let folder = pulls.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data("half".utf8).write(to: folder.appendingPathComponent("adapter_model.safetensors.part"))
            return folder
        }
        func there() -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: pulls.path)) ?? []).sorted() }
        _ = try (begin("failed-1"), begin("failed-2"))
        let lock = try FileLock(folder: try begin("under-way").path)
        // What failed just now may be gone on with.
        home.store.removeLeftovers()
        #expect(there() == ["failed-1", "failed-2", "under-way"])
        let old = Date(timeIntervalSinceNow: -2 * AdapterStore.pullSeconds)
        for name in ["failed-2", "under-way"] {
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: pulls.appendingPathComponent(name).path)
        }
        home.store.removeLeftovers()
        #expect(there() == ["failed-1", "under-way"])
        #expect(try home.store.sweep().partials == 1)
        #expect(there() == ["under-way"])
        withExtendedLifetime(lock) {}
    }

    @Test func whatKilledWritersLeftGoesAtTheNextStart() throws {
        let home = try StoreFolder()
        var writer: StoreWriter? = try StoreWriter(home.store)
        let left = home.store.partial.appendingPathComponent("left")
        try Data("x".utf8).write(to: left)
        // Somebody is adding: it may be theirs.
        home.store.removeLeftovers()
        #expect(FileManager.default.fileExists(atPath: left.path))
        withExtendedLifetime(writer) {}
        writer = nil
        home.store.removeLeftovers()
        #expect(!FileManager.default.fileExists(atPath: left.path))
    }

    @Test func sweepingRemovesWhatNoNameNeedsAndNothingElse() throws {
        let home = try StoreFolder()
        #expect(try home.store.sweep() == AdapterStore.Swept())
        _ = try home.store.add(folder: home.folder("a", ["shared": Data("s".utf8), "own": Data("a".utf8)]), as: name("a"))
        _ = try home.store.add(folder: home.folder("b", ["shared": Data("s".utf8), "own": Data("bb".utf8)]), as: name("b:v1"))
        try Data("note".utf8).write(to: home.store.blobs.appendingPathComponent("README"))
        try Data("left".utf8).write(to: home.store.partial.appendingPathComponent("left-behind"))
        try home.store.remove(name("b:v1"))
        #expect(try home.store.sweep() == AdapterStore.Swept(blobs: 1, bytes: 2, folders: 1, partials: 1))
        #expect(try home.store.verify() == [])
        #expect(try home.store.list().map { "\($0.reference)" } == ["a"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.store.manifests.path) == ["a"])
        #expect(FileManager.default.fileExists(atPath: home.store.blobs.appendingPathComponent("README").path))
    }

    @Test func nothingIsSweptWhileSomebodyAdds() throws {
        let home = try StoreFolder()
        home.store.patienceSeconds = 0
        let source = try home.folder("in", files)
        let writer = try StoreWriter(home.store)
        for path in files.keys.sorted() { try writer.addFile(source.appendingPathComponent(path), as: path) }
        #expect(throws: AdapterStorageError.busy(store: home.store.root.path, doing: "sweeping")) { try home.store.sweep() }
        // Others may add at the same time.
        _ = try home.store.add(folder: home.folder("other", ["y": Data("y".utf8)]), as: name("other"))
        _ = try writer.commit(name("math"))
        #expect(try home.store.verify() == [])
        #expect(try home.store.list().count == 2)
    }

    @Test func anUnreadableManifestStopsTheSweepUntilItIsRemoved() throws {
        let home = try StoreFolder()
        _ = try home.store.add(folder: home.folder("in", files), as: name("math"))
        let path = home.store.manifestPath(try name("math"))
        try Data("{".utf8).write(to: path)
        #expect(throws: AdapterStorageError.self) { try home.store.sweep() }
        #expect(try home.blobCount() == 3)
        #expect(try home.store.verify().map { "\($0.reference)" } == ["math"])
        try home.store.remove(name("math"))
        #expect(try home.store.sweep().blobs == 3)
    }

    @Test(arguments: [
        #"{"resa_manifest":2,"files":[{"path":"a","size":1,"sha256":"HEX"}]}"#,
        #"{"resa_manifest":1,"files":[]}"#,
        #"{"resa_manifest":1,"files":[{"path":"../a","size":1,"sha256":"HEX"}]}"#,
        #"{"resa_manifest":1,"files":[{"path":"a","size":-1,"sha256":"HEX"}]}"#,
        #"{"resa_manifest":1,"files":[{"path":"a","size":1,"sha256":"../../x"}]}"#,
        #"{"resa_manifest":1,"files":[{"path":"a","size":1,"sha256":"HEX"},{"path":"A","size":1,"sha256":"HEX"}]}"#,
        #"{"resa_manifest":1,"files":[{"path":"a","size":1,"sha256":"HEX"},{"path":"a/b","size":1,"sha256":"HEX"}]}"#,
    ])
    func badManifestsAreRefused(_ text: String) throws {
        let hex = String(repeating: "0", count: 64)
        #expect(throws: AdapterStorageError.self) {
            try StoredManifest(Data(text.replacingOccurrences(of: "HEX", with: hex).utf8), file: "m")
        }
        let good = #"{"resa_manifest":1,"files":[{"path":"a","size":1,"sha256":"HEX"}]}"#
        #expect(try StoredManifest(Data(good.replacingOccurrences(of: "HEX", with: hex).utf8), file: "m").files.count == 1)
    }

    @Test func damageIsFoundAndAddingAgainRepairsIt() throws {
        let home = try StoreFolder()
        let manifest = try home.store.add(folder: home.folder("in", ["x": Data("good".utf8)]), as: name("math"))
        let blob = home.store.blob(manifest.files[0].sha256)
        try FileManager.default.removeItem(at: blob)
        #expect(try home.store.verify().count == 1)
        try Data("evil".utf8).write(to: blob)
        let problems = try home.store.verify()
        guard case .damaged(blob.path, "content", _)? = problems.first?.error, problems.count == 1 else {
            Issue.record("\(problems)")
            return
        }
        _ = try home.store.add(folder: home.path("in"), as: name("math"))
        #expect(try home.store.verify() == [])
    }

    @Test func verifyMakesLostFoldersAnew() throws {
        let home = try StoreFolder()
        let manifest = try home.store.add(folder: home.folder("in", files), as: name("math"))
        let folder = home.store.folder(manifest)
        try FileManager.default.removeItem(at: folder.appendingPathComponent("layers.1/cfg.json"))
        #expect(try home.store.verify() == [])
        #expect(try StoreFolder.contents(folder) == files)
        try FileManager.default.removeItem(at: folder)
        #expect(try StoreFolder.contents(home.store.materialise(manifest)) == files)
    }

    @Test func onlyFilesOfAFolderAreTaken() throws {
        let home = try StoreFolder()
        let folder = try home.folder("in", ["x": Data("1".utf8), ".git/config": Data("2".utf8), ".hidden": Data("3".utf8)])
        try home.folder("elsewhere", ["real": Data("4".utf8)])
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("link"), withDestinationURL: home.path("elsewhere/real"))
        let manifest = try home.store.add(folder: folder, as: name("math"))
        #expect(try StoreFolder.contents(home.store.materialise(manifest)) == ["x": Data("1".utf8), "link": Data("4".utf8)])
        try FileManager.default.createSymbolicLink(at: folder.appendingPathComponent("loop"), withDestinationURL: folder)
        #expect(throws: AdapterStorageError.self) { try home.store.add(folder: folder, as: name("math")) }
        try FileManager.default.removeItem(at: folder.appendingPathComponent("loop"))
        try #require(mkfifo(folder.appendingPathComponent("pipe").path, 0o600) == 0)
        #expect(throws: AdapterStorageError.self) { try home.store.add(folder: folder, as: name("math")) }
        #expect(throws: AdapterStorageError.self) { try home.store.add(folder: home.path("absent"), as: name("math")) }
        #expect(try home.store.resolve(name("math")) == manifest)
    }

    @Test func theHomeFollowsTheEnvironment() {
        #expect(AdapterStore.standard(environment: ["RESA_HOME": "/r", "XDG_DATA_HOME": "/x"]).root.path == "/r")
        #expect(AdapterStore.standard(environment: ["RESA_HOME": "", "XDG_DATA_HOME": "/x"]).root.path == "/x/resa")
        #expect(AdapterStore.standard(environment: [:]).root.path.hasSuffix("/.local/share/resa"))
    }
}
