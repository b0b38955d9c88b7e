import Adapters
import Downloads
import Foundation
import TestRandomness
import Testing

@testable import AdapterRegistry

/// What stays in memory and what goes.
@Suite struct ResidencyTests {
    /// Bytes that one of `AdaptersFolder.addLoRA`'s takes in f32: A and B of rank 2.
    private static let loraBytes = 2 * 2 * 16 * 4

    private func registry(_ folder: AdaptersFolder, loras: Int) throws -> AdapterRegistry {
        try AdapterRegistry(folder: folder.url, shape: smallShape, format: .f32, baseName: "base", memory: loras * Self.loraBytes)
    }

    private func folder(_ names: String...) throws -> AdaptersFolder {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        for (index, name) in names.enumerated() { try folder.addLoRA(name, value: 0.25 * Float(index + 1)) }
        return folder
    }

    private func loaded(_ registry: AdapterRegistry) -> [String] { registry.list().filter { $0.state != .cold }.map(\.name) }

    @Test func theOneNotUsedForLongestGoes() async throws {
        let folder = try folder("a", "b", "c")
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, loras: 2)
        for name in ["a", "b", "a", "c"] { _ = try await registry.resolve([AdapterSelection(name: name)]) }
        #expect(loaded(registry) == ["a", "c"])
        #expect(registry.list().allSatisfy { $0.usage.residentBytes == ($0.state == .cold ? 0 : Self.loraBytes) })
        #expect(registry.list().map(\.usage.uses) == [2, 1, 1] && registry.list().allSatisfy { $0.usage.lastUsed != nil })
        let statistics = registry.statistics
        #expect(statistics.loads == 3 && statistics.evictions == 1 && statistics.evictedBytes == Self.loraBytes)
        #expect(statistics.bytes == 2 * Self.loraBytes && statistics.usedBytes == 0 && statistics.uses == 0)
    }

    @Test func whatRequestsUseIsNotEvicted() async throws {
        let folder = try folder("a", "b", "c")
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, loras: 2)
        let held = try await registry.resolve([AdapterSelection(name: "a")])
        var second: AdapterSet? = try await registry.resolve([AdapterSelection(name: "b")])
        #expect(registry.list().map(\.usage.requests) == [1, 1, 0])
        await #expect(
            throws: AdapterError.noRoom(
                adapter: "c", bytes: Self.loraBytes, used: 2 * Self.loraBytes, pinned: 0, limit: 2 * Self.loraBytes)
        ) { try await registry.resolve([AdapterSelection(name: "c")]) }
        #expect(loaded(registry) == ["a", "b"] && registry.statistics.refusals == 1)
        #expect(second != nil)
        second = nil
        _ = try await registry.resolve([AdapterSelection(name: "c")])
        #expect(loaded(registry) == ["a", "c"])
        #expect(held.loras(layer: 1, module: .q).count == 1)
    }

    @Test func pinsStayUntilTheyAreTakenAway() async throws {
        let folder = try folder("a", "b", "c")
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, loras: 1)
        let keeper = AdapterKeeper(registry, rules: .init(puller: try puller()))
        #expect(try await keeper.load("a", pins: true).state == .pinned)
        await #expect(
            throws: AdapterError.noRoom(adapter: "b", bytes: Self.loraBytes, used: 0, pinned: Self.loraBytes, limit: Self.loraBytes)
        ) { try await registry.resolve([AdapterSelection(name: "b")]) }
        #expect(try await keeper.unpin("a").state == .loaded)
        _ = try await registry.resolve([AdapterSelection(name: "b")])
        #expect(loaded(registry) == ["b"])
        _ = try await keeper.load("b", pins: true)
        #expect(try await keeper.unload("b").state == .cold)
        #expect(try await keeper.load("c").state == .loaded)
        await #expect(throws: AdapterChangeError.adapter(.unknown(name: "nobody", near: []))) { try await keeper.unload("nobody") }
    }

    @Test func whatCanNeverFitSaysSo() async throws {
        let folder = try folder("a")
        defer { withExtendedLifetime(folder) {} }
        try folder.addLoRA("large", rank: 16)
        let registry = try registry(folder, loras: 2)
        await #expect(throws: AdapterError.tooLarge(adapter: "large", bytes: 8 * Self.loraBytes, limit: 2 * Self.loraBytes)) {
            try await registry.resolve([AdapterSelection(name: "large")])
        }
        registry.limitMemory(8 * Self.loraBytes)
        let held = try await registry.resolve([AdapterSelection(name: "large")])
        registry.limitMemory(0)
        #expect(registry.statistics.bytes == 8 * Self.loraBytes)
        withExtendedLifetime(held) {}
    }

    @Test func anUnloadedOneGoesWithItsLastRequest() async throws {
        let folder = try folder("a", "b")
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, loras: 1)
        let keeper = AdapterKeeper(registry, rules: .init(puller: try puller()))
        var held: AdapterSet? = try await registry.resolve([AdapterSelection(name: "a")])
        let update = try #require(held?.loras(layer: 1, module: .q).first).update
        #expect(try await keeper.unload("a").state == .cold)
        #expect(registry.statistics.bytes == Self.loraBytes && registry.list()[0].usage.requests == 1)
        // Asked for again it is the same one, not a second.
        let again = try await registry.resolve([AdapterSelection(name: "a")])
        #expect(again.loras(layer: 1, module: .q).first?.update === update && registry.statistics.loads == 1)
        _ = try await keeper.unload("a")
        #expect(held != nil)
        held = nil
        #expect(registry.statistics.bytes == Self.loraBytes)
        withExtendedLifetime(again) {}
    }

    @Test func oldVersionsCountUntilTheirLastRequestEnds() async throws {
        let folder = try folder("a")
        defer { withExtendedLifetime(folder) {} }
        let registry = try registry(folder, loras: 2)
        var old: AdapterSet? = try await registry.resolve([AdapterSelection(name: "a")])
        try folder.addLoRA("a", value: 7)
        let new = try await registry.resolve([AdapterSelection(name: "a")])
        #expect(registry.statistics.bytes == 2 * Self.loraBytes && registry.list()[0].usage.requests == 2)
        #expect(registry.list()[0].usage.residentBytes == Self.loraBytes && old?.key != new.key)
        old = nil
        #expect(registry.statistics.bytes == Self.loraBytes && registry.statistics.evictions == 0)
    }

    @Test func anSAEIsLoadedHookpointByHookpoint() async throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.addSAE("sae", hookpoints: ["layers.1", "layers.2", "layers.3"])
        let registry = try folder.registry()
        let keeper = AdapterKeeper(registry, rules: .init(puller: try puller()))
        #expect(try await keeper.load("sae", layer: 2).usage.loadedHookpoints == [.residual(layer: 2)])
        await #expect(throws: AdapterChangeError.self) { try await keeper.load("sae", layer: 9) }
        #expect(try await keeper.load("sae").usage.loadedHookpoints == (1...3).map { .residual(layer: $0) })
        let bytes = try #require(registry.summary(of: "sae")).usage.residentBytes
        #expect(bytes == registry.statistics.bytes && bytes >= 3 * 2 * AdaptersFolder.latents * smallShape.hiddenSize * 4)
    }

    /// Any order of loads, ends, pins and unloads keeps the books: never above the limit, never two of one version, nothing used is gone.
    @Test func theBooksAreRightInAnyOrder() async throws {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        let names = ["a", "b", "c", "d", "e"]
        let folder = try folder("a", "b", "c", "d", "e")
        defer { withExtendedLifetime(folder) {} }
        let limit = 3 * Self.loraBytes
        let registry = try registry(folder, loras: 3)
        let keeper = AdapterKeeper(registry, rules: .init(puller: try puller()))
        var held: [(name: String, set: AdapterSet)] = []
        for step in 0..<400 {
            let name = try #require(names.randomElement(using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0: _ = try? await keeper.load(name, pins: true)
            case 1, 2: _ = try await keeper.unpin(name)
            case 3: _ = try await keeper.unload(name)
            case 4, 5, 6: if !held.isEmpty { held.remove(at: Int.random(in: 0..<held.count, using: &random)) }
            default:
                do throws(AdapterError) {
                    held.append((name, try await registry.resolve([AdapterSelection(name: name)])))
                } catch {
                    guard case .noRoom(_, let bytes, let used, let pinned, let stated) = error else { throw error }
                    #expect(used + pinned + bytes > stated, "seed \(seed), step \(step)")
                }
            }
            let statistics = registry.statistics
            #expect(statistics.bytes <= limit && statistics.uses == held.count, "seed \(seed), step \(step)")
            #expect(statistics.usedBytes == Set(held.map(\.name)).count * Self.loraBytes, "seed \(seed), step \(step)")
            for name in names {
                let updates = held.filter { $0.name == name }.compactMap { $0.set.loras(layer: 1, module: .q).first?.update }
                #expect(Set(updates.map { ObjectIdentifier($0) }).count <= 1, "seed \(seed), step \(step)")
            }
        }
        held = []
        for name in names { _ = try await keeper.unload(name) }
        #expect(registry.statistics.bytes == 0 && registry.statistics.loaded == 0, "seed \(seed)")
    }
}

/// One that must not be needed.
func puller() throws -> Puller {
    var settings = PullSettings()
    settings.policy = .off
    return Puller(hub: HubEnvironment(endpoint: try WebAddress("http://127.0.0.1:1")), settings: settings)
}
