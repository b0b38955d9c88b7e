import Adapters
import Foundation
import Testing

@testable import AdapterRegistry

/// Stored adapters are served as folders are.
@Suite struct StoredAdapterTests {
    private func registry(_ home: StoreFolder, folder: URL? = nil) throws -> AdapterRegistry {
        try AdapterRegistry(folder: folder, store: home.store, shape: smallShape, format: .f32, baseName: "base")
    }

    @Test func aStoredAdapterIsTheSameAsItsFolder() async throws {
        let (home, folder) = (try StoreFolder(), try AdaptersFolder())
        try folder.addLoRA("math")
        try folder.addSAE("sae", hookpoints: ["layers.1", "layers.2.mlp"])
        for adapter in ["math", "sae"] { _ = try home.store.add(folder: folder.path(adapter), as: name(adapter)) }
        let (stored, direct) = (try registry(home), try folder.registry())
        #expect(stored.list() == direct.list())
        for selection in [AdapterSelection(name: "math"), AdapterSelection(name: "sae", layer: 2)] {
            let (one, other) = (try await stored.resolve([selection]), try await direct.resolve([selection]))
            #expect(one.report == other.report && one.key == other.key)
        }
    }

    @Test func hashesComeFromManifests() throws {
        let (home, folder) = (try StoreFolder(), try AdaptersFolder())
        try folder.addLoRA("math")
        let manifest = try home.store.add(folder: folder.path("math"), as: name("math"))
        // A blob that was read would give another digest: only its size and header are looked at.
        let tensors = try #require(manifest.files.first { $0.path == "adapter_model.safetensors" })
        var data = try Data(contentsOf: home.store.blob(tensors.sha256))
        data[data.count - 1] ^= 1
        try FileManager.default.removeItem(at: home.store.blob(tensors.sha256))
        try data.write(to: home.store.blob(tensors.sha256))
        #expect(try registry(home).list().map(\.digest) == folder.registry().list().map(\.digest))
    }

    @Test func tagsAreNames() async throws {
        let (home, folder) = (try StoreFolder(), try AdaptersFolder())
        for (adapter, value) in [("math", Float(0.5)), ("math:v2", 0.75)] {
            try folder.addLoRA("x", value: value)
            _ = try home.store.add(folder: folder.path("x"), as: name(adapter))
        }
        let registry = try registry(home)
        #expect(registry.list().map(\.name) == ["math", "math:v2"])
        #expect(try await registry.resolve([AdapterSelection(name: "math:latest")]).report.map(\.name) == ["math"])
        #expect(try await registry.resolve([AdapterSelection(name: "math:v2")]).report.map(\.name) == ["math:v2"])
        await #expect(throws: AdapterError.unknown(name: "math:v3", near: ["math:v2", "math"])) {
            try await registry.resolve([AdapterSelection(name: "math:v3")])
        }
    }

    @Test func aFolderHidesAStoredAdapterOfItsName() async throws {
        let (home, folder, other) = (try StoreFolder(), try AdaptersFolder(), try AdaptersFolder())
        try folder.addLoRA("math", value: 0.5)
        try other.addLoRA("math", value: 0.75)
        try other.addLoRA("more")
        for adapter in ["math", "more"] { _ = try home.store.add(folder: other.path(adapter), as: name(adapter)) }
        let registry = try registry(home, folder: folder.url)
        let (ours, theirs) = (try folder.registry().list(), try other.registry().list())
        #expect(registry.list() == ours + theirs.filter { $0.name == "more" })
        try FileManager.default.removeItem(at: folder.path("math"))
        #expect(try await registry.resolve([AdapterSelection(name: "math")]).report[0].digest == theirs[0].digest)
        try folder.addLoRA("math", value: 0.5)
        await registry.refresh()
        #expect(registry.list()[0].digest == ours[0].digest)
    }

    @Test func namesThatMoveOrGoAreSeenByTheNextRequest() async throws {
        let (home, folder) = (try StoreFolder(), try AdaptersFolder())
        let registry = try registry(home)
        #expect(registry.list() == [])
        try folder.addLoRA("math", value: 0.5)
        _ = try home.store.add(folder: folder.path("math"), as: name("math"))
        let old = try await registry.resolve([AdapterSelection(name: "math")])
        try folder.addLoRA("math", value: 0.75)
        _ = try home.store.add(folder: folder.path("math"), as: name("math"))
        let new = try await registry.resolve([AdapterSelection(name: "math")])
        #expect(old.report[0].digest != new.report[0].digest)
        #expect(try home.store.sweep().blobs == 1)
        #expect(try await registry.resolve([AdapterSelection(name: "math")]).key == new.key)
        try home.store.remove(name("math"))
        await #expect(throws: AdapterError.unknown(name: "math", near: [])) { try await registry.resolve([AdapterSelection(name: "math")]) }
    }

    @Test func aBrokenManifestIsListedWithItsError() async throws {
        let (home, folder) = (try StoreFolder(), try AdaptersFolder())
        try folder.addLoRA("math")
        for adapter in ["math", "sound"] { _ = try home.store.add(folder: folder.path("math"), as: name(adapter)) }
        try Data("{".utf8).write(to: home.store.manifestPath(try name("math")))
        let registry = try registry(home)
        #expect(registry.list().map(\.state) == [.broken, .cold])
        await #expect(throws: AdapterError.self) { try await registry.resolve([AdapterSelection(name: "math")]) }
        _ = try home.store.add(folder: folder.path("math"), as: name("math"))
        #expect(try await registry.resolve([AdapterSelection(name: "math")]).report[0].name == "math")
    }

    @Test func theBasesNameIsNoAdapters() throws {
        let (home, folder) = (try StoreFolder(), try AdaptersFolder())
        try folder.addLoRA("math")
        for adapter in ["base", "base:v2"] { _ = try home.store.add(folder: folder.path("math"), as: name(adapter)) }
        #expect(try registry(home).list().map(\.state) == [.broken, .broken])
    }
}
