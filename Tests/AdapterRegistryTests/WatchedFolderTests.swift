import Adapters
import Foundation
import Testing

@testable import AdapterRegistry

/// Adapters that come, change and go without a request that asks for them.
@Suite struct WatchedFolderTests {
    private func registry(_ folder: AdaptersFolder, settleSeconds: Double) throws -> AdapterRegistry {
        try AdapterRegistry(folder: folder.url, shape: smallShape, format: .f32, baseName: "base", settleSeconds: settleSeconds)
    }

    /// Waits for as long as it takes.
    private func until(_ isTrue: () -> Bool) async throws { while !isTrue() { try await Task.sleep(for: .milliseconds(5)) } }

    @Test func whatComesChangesAndGoesIsSeen() async throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, settleSeconds: 0.05)
        let watch = Task { await registry.watch(every: 0.01) }
        defer { watch.cancel() }
        #expect(registry.list().isEmpty)
        try folder.addLoRA("late")
        try await until { registry.list().map(\.name) == ["late"] }
        let digest = registry.list()[0].digest
        try folder.addLoRA("late", value: 2)
        try await until { registry.list().first?.digest != digest }
        #expect(registry.list()[0].error == nil)
        try FileManager.default.removeItem(at: folder.path("late"))
        try await until { registry.list().isEmpty }
    }

    @Test func aHalfCopiedFolderIsNoAdapter() async throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.addLoRA("old", value: 1)
        // Nothing that this test writes is left alone for so long.
        let registry = try registry(folder, settleSeconds: 3600)
        let old = try await registry.resolve([AdapterSelection(name: "old")])
        try folder.addLoRA("x/new", value: 2)
        try FileManager.default.createDirectory(at: folder.path("new"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: folder.path("x/new/adapter_config.json"), to: folder.path("new/adapter_config.json"))
        try FileManager.default.removeItem(at: folder.path("x"))
        // Sound by itself, and yet of two versions: another config over the same tensors.
        try folder.write(
            #"{"peft_type": "LORA", "r": 2, "lora_alpha": 400, "target_modules": ["q_proj"]}"#, to: "old/adapter_config.json")
        await registry.refresh()
        #expect(registry.list().map(\.name) == ["old"] && registry.list()[0].digest == old.report[0].digest)
        // The version before is in memory, and still good.
        let again = try await registry.resolve([AdapterSelection(name: "old")])
        #expect(again.key == old.key)
    }

    @Test func aRequestWaitsForFilesThatAreBeingWritten() async throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, settleSeconds: 0.1)
        try folder.addLoRA("new")
        #expect(try await registry.resolve([AdapterSelection(name: "new")]).report[0].name == "new")
    }

    /// A store may hold hundreds of adapters for other models: none of them is read again and again.
    @Test func aBrokenAdapterIsReadAgainWhenSomethingChanges() throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.addLoRA("broken")
        let config = try Data(contentsOf: folder.path("broken/adapter_config.json"))
        try folder.addSAE("broken/inner", hookpoints: ["layers.1"])
        try folder.write("{}", to: "broken/adapter_config.json")
        let scanner = AdapterScanner(shape: smallShape, baseName: "base")
        let places = AdapterPlaces(folder: folder.url, store: nil)
        var change: () throws -> Void = {}
        /// Whether a look at all places read the adapter again, and what it found.
        func look() throws -> (read: Bool, error: Bool) {
            var known = try scanner.scan(places)
            known["broken"]?.summary.description = "as it was"
            try change()
            let found = try #require(try scanner.scan(places, known: known)["broken"])
            return (found.summary.description != "as it was", found.error != nil)
        }
        #expect(try look() == (false, true))
        change = { try folder.write("{ }", to: "broken/adapter_config.json") }
        #expect(try look() == (true, true))
        change = { try folder.write("x", to: "broken/inner/layers.1/note") }
        #expect(try look() == (true, true))
        change = { try FileManager.default.removeItem(at: folder.path("broken/inner/layers.1/note")) }
        #expect(try look() == (true, true))
        change = {
            try FileManager.default.createSymbolicLink(
                atPath: folder.path("broken/link").path, withDestinationPath: folder.path("later").path)
        }
        #expect(try look() == (true, true))
        // Nobody can tell when something will be there.
        change = {}
        #expect(try look() == (true, true))
        change = { try folder.write("here", to: "later") }
        #expect(try look() == (true, true))
        change = {}
        #expect(try look() == (false, true))
        change = {
            try config.write(to: folder.path("broken/adapter_config.json"))
            try FileManager.default.removeItem(at: folder.path("broken/inner"))
        }
        #expect(try look() == (true, false))
        change = {}
        #expect(try look() == (false, false))
    }

    @Test func ageIsThatOfTheYoungestFile() throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.addSAE("sae", hookpoints: ["layers.1"])
        #expect(FolderAge.isYounger(folder.path("sae"), than: 3600))
        #expect(!FolderAge.isYounger(folder.path("sae"), than: 0))
        #expect(!FolderAge.isYounger(folder.path("missing"), than: 3600))
        #expect(!FolderAge.isYounger(URL(fileURLWithPath: "/proc/self/fdinfo/none"), than: 3600))
    }
}
