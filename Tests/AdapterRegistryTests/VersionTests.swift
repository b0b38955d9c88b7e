import Adapters
import Foundation
import Testing

@testable import AdapterRegistry

/// Adapters come, change and go while the server runs.
@Suite struct VersionTests {
    @Test func concurrentRequestsShareOneLoad() async throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("math")
        let registry = try folder.registry()
        let updates = try await withThrowingTaskGroup { group in
            for _ in 0..<20 {
                group.addTask {
                    let set = try await registry.resolve([AdapterSelection(name: "math")])
                    return ObjectIdentifier(try #require(set.loras(layer: 1, module: .q).first).update)
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(updates.count == 1)
    }

    @Test func aNewFolderIsFoundWhenAskedFor() async throws {
        let folder = try AdaptersFolder()
        let registry = try folder.registry()
        await #expect(throws: AdapterError.unknown(name: "late", near: [])) { try await registry.resolve([AdapterSelection(name: "late")]) }
        try folder.addLoRA("late")
        #expect(try await registry.resolve([AdapterSelection(name: "late")]).report[0].name == "late")
    }

    @Test func replacedFilesMakeANewVersionAndTheOldOneStaysWithItsUsers() async throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("math", value: 0.5)
        let registry = try folder.registry()
        let old = try await registry.resolve([AdapterSelection(name: "math")])
        try folder.addLoRA("math", value: 0.75)
        let new = try await registry.resolve([AdapterSelection(name: "math")])
        #expect(old.report[0].digest != new.report[0].digest && old.key != new.key)
        #expect(old.loras(layer: 1, module: .q)[0].update !== new.loras(layer: 1, module: .q)[0].update)
        #expect(registry.list().map(\.digest) == [new.report[0].digest])
        let again = try await registry.resolve([AdapterSelection(name: "math")])
        #expect(again.loras(layer: 1, module: .q)[0].update === new.loras(layer: 1, module: .q)[0].update)
    }

    @Test func deletedFoldersGoAndRepairedOnesWork() async throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("gone")
        try folder.addLoRA("broken")
        try folder.write("{", to: "broken/adapter_config.json")
        let registry = try folder.registry()
        #expect(registry.list().map(\.state) == [.broken, .cold])
        _ = try await registry.resolve([AdapterSelection(name: "gone")])
        await #expect(throws: AdapterError.self) { try await registry.resolve([AdapterSelection(name: "broken")]) }
        try FileManager.default.removeItem(at: folder.path("gone"))
        try folder.addLoRA("broken")
        #expect(try await registry.resolve([AdapterSelection(name: "broken")]).report[0].name == "broken")
        await #expect(throws: AdapterError.self) { try await registry.resolve([AdapterSelection(name: "gone")]) }
        #expect(registry.list().map(\.name) == ["broken"])
    }

    @Test func aFileRepairedInPlaceWorks() async throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("math")
        let config = folder.path("math/adapter_config.json")
        let good = try Data(contentsOf: config)
        try Data("{".utf8).write(to: config)
        let registry = try folder.registry()
        await #expect(throws: AdapterError.self) { try await registry.resolve([AdapterSelection(name: "math")]) }
        try good.write(to: config)
        #expect(try await registry.resolve([AdapterSelection(name: "math")]).report[0].name == "math")
    }

    @Test func aNewHookpointIsSeen() async throws {
        let folder = try AdaptersFolder()
        try folder.addSAE("sae", hookpoints: ["layers.1"])
        let registry = try folder.registry()
        try folder.addSAE("sae", hookpoints: ["layers.2"])
        #expect(try await registry.resolve([AdapterSelection(name: "sae", layer: 2)]).report[0].hookpoint == .residual(layer: 2))
        await registry.refresh()
        #expect(registry.list()[0].hookpoints.count == 2)
    }
}
