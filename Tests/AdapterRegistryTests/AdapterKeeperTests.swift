import Adapters
import Downloads
import Foundation
import Testing

@testable import AdapterRegistry

/// Adapters that come and go while serving.
@Suite struct AdapterKeeperTests {
    /// A registry with a store, and a keeper who may name files of `allowed`.
    private struct Server {
        let home: StoreFolder
        let allowed: AdaptersFolder
        let registry: AdapterRegistry
        let keeper: AdapterKeeper

        init(folder: AdaptersFolder? = nil, policy: PullPolicy = .off, store: Bool = true) throws {
            home = try StoreFolder()
            allowed = try AdaptersFolder()
            registry = try AdapterRegistry(
                folder: folder?.url, store: store ? home.store : nil, shape: smallShape, format: .f32, baseName: "base")
            var settings = PullSettings()
            settings.policy = policy
            var rules = AdapterKeeper.Rules(
                puller: Puller(hub: HubEnvironment(endpoint: try WebAddress("http://127.0.0.1:1")), settings: settings))
            rules.folders = AllowedFolders([allowed.url])
            keeper = AdapterKeeper(registry, rules: rules)
        }

        func digest(_ name: String) async throws -> String {
            try await registry.resolve([AdapterSelection(name: name)]).report[0].digest
        }
    }

    private static func isBroken(_ error: any Error) -> Bool {
        guard let error = error as? AdapterChangeError, case .adapter(.badFile) = error else { return false }
        return true
    }

    private static func isForbidden(_ error: any Error) -> Bool {
        guard let error = error as? AdapterChangeError, case .forbidden = error else { return false }
        return true
    }

    private static func isBadRequest(_ error: any Error) -> Bool {
        guard let error = error as? AdapterChangeError, case .bad = error else { return false }
        return true
    }

    private static func isForbiddenPull(_ error: any Error) -> Bool {
        guard let error = error as? AdapterChangeError, case .pull(.forbidden) = error else { return false }
        return true
    }

    @Test func aFolderIsServedInPlaceUntilItIsRemoved() async throws {
        let server = try Server()
        defer { withExtendedLifetime(server) {} }
        try server.allowed.addLoRA("v1", value: 1)
        try server.allowed.addLoRA("v2", value: 2)
        let first = try await server.keeper.add(source: server.allowed.path("v1").path, as: "math")
        #expect(first.state == .loaded && first.name == "math" && first.usage.uses == 0)
        let held = try await server.registry.resolve([AdapterSelection(name: "math")])
        // A relative path begins in an allowed folder; a plain name finds it too.
        let second = try await server.keeper.add(source: "./v2", as: "math")
        #expect(second.digest != first.digest && second.state == .loaded)
        #expect(try await server.digest("math") == second.digest && held.report[0].digest == first.digest)
        #expect(try await server.keeper.add(source: "v1", as: "math").digest == first.digest)
        await server.registry.refresh()
        #expect(server.registry.list().map(\.name) == ["math"])
        try await server.keeper.remove("math")
        #expect(server.registry.list().isEmpty)
        await #expect(throws: AdapterChangeError.adapter(.unknown(name: "math", near: []))) { try await server.keeper.remove("math") }
        #expect(FileManager.default.fileExists(atPath: server.allowed.path("v1").path))
    }

    @Test func whatIsBrokenReplacesNothing() async throws {
        let server = try Server()
        defer { withExtendedLifetime(server) {} }
        try server.allowed.addLoRA("good")
        try server.allowed.addLoRA("bad")
        try server.allowed.write("{", to: "bad/adapter_config.json")
        let pack = server.allowed.path("bad.resa")
        _ = try PackWriter().write(folder: server.allowed.path("bad"), to: pack.path)
        let good = try await server.keeper.add(source: "good", as: "math")
        for source in ["bad", "bad.resa"] {
            await #expect {
                try await server.keeper.add(source: source, as: "math")
            } throws: { Self.isBroken($0) }
        }
        await #expect(throws: AdapterChangeError.taken(name: "math")) {
            try await server.keeper.add(source: "good", as: "math", replaces: false)
        }
        #expect(try await server.digest("math") == good.digest)
        #expect(try server.home.store.list().isEmpty)
    }

    @Test func packsAndStoredNamesGoToTheStore() async throws {
        let server = try Server()
        defer { withExtendedLifetime(server) {} }
        try server.allowed.addLoRA("v1", value: 1)
        _ = try PackWriter().write(folder: server.allowed.path("v1"), to: server.allowed.path("math.resa").path)
        let packed = try await server.keeper.add(source: "math.resa", as: "math:v1")
        #expect(packed.name == "math:v1" && packed.state == .loaded)
        #expect(try await server.keeper.add(source: "math:v1", as: "sums").digest == packed.digest)
        #expect(try server.home.store.list().map { "\($0.reference)" } == ["math:v1", "sums"])
        // What is attached under the name goes when the store takes it over.
        try server.allowed.addLoRA("v2", value: 2)
        #expect(try await server.keeper.add(source: "v2", as: "sums").digest != packed.digest)
        #expect(try await server.keeper.add(source: "math:v1", as: "sums").digest == packed.digest)
        #expect(try await server.digest("sums") == packed.digest)
        try await server.keeper.remove("sums")
        #expect(try await server.keeper.removeAdded("math:v1"))
        #expect(try server.home.store.list().isEmpty && server.registry.list().isEmpty)
        #expect(try await !server.keeper.removeAdded("math:v1"))
    }

    /// Files of a folder that requests may name, put elsewhere behind a link: by a file, by a hookpoint's folder, by a file that only describes.
    @Test(arguments: [
        "lora/adapter_model.safetensors", "lora/adapter_config.json", "lora/labels.json", "sae/layers.1", "sae/layers.1/cfg.json",
    ])
    func linksInAFolderLeadNowhereElse(link: String) async throws {
        let (server, elsewhere) = (try Server(), try AdaptersFolder())
        defer { withExtendedLifetime((server, elsewhere)) {} }
        for folder in [server.allowed, elsewhere] {
            try folder.addLoRA("lora")
            try folder.write("{}", to: "lora/labels.json")
            try folder.addSAE("sae", hookpoints: ["layers.1"])
        }
        let name = String(link.split(separator: "/")[0])
        let inside = try await server.keeper.add(source: "./\(name)", as: "x")
        #expect(inside.error == nil)
        func lead(to target: URL) throws {
            try FileManager.default.removeItem(at: server.allowed.path(link))
            try FileManager.default.createSymbolicLink(atPath: server.allowed.path(link).path, withDestinationPath: target.path)
        }
        try lead(to: elsewhere.path(link))
        await #expect { try await server.keeper.add(source: "./\(name)", as: "y") } throws: {
            "\($0)".contains("leads out of the folders that requests may name")
        }
        // Nor does one that came later serve what was added before.
        _ = try await server.keeper.unload("x")
        await #expect { try await server.registry.resolve([AdapterSelection(name: "x", layer: name == "sae" ? 1 : nil)]) } throws: {
            "\($0)".contains("leads out of the folders that requests may name")
        }
        // Inside what may be named, links are followed.
        let copy = server.allowed.path("copy")
        try FileManager.default.copyItem(at: elsewhere.path(link), to: copy)
        try lead(to: copy)
        #expect(try await server.keeper.add(source: "./\(name)", as: "z").error == nil)
    }

    /// The folder that the operator serves is the operator's: links there are followed.
    @Test func linksOfTheServedFolderAreFollowed() async throws {
        let (folder, elsewhere) = (try AdaptersFolder(), try AdaptersFolder())
        try elsewhere.addLoRA("math")
        try FileManager.default.createSymbolicLink(atPath: folder.path("math").path, withDestinationPath: elsewhere.path("math").path)
        let server = try Server(folder: folder)
        #expect(try await server.registry.resolve([AdapterSelection(name: "math")]).report[0].name == "math")
    }

    @Test func aPackBehindALinkIsNotRead() throws {
        let (home, allowed) = (try StoreFolder(), try AdaptersFolder())
        let folder = try home.folder("a", ["x": Data("1".utf8)])
        let pack = home.path("a.resa").path
        _ = try PackWriter().write(folder: folder, to: pack)
        let folders = AllowedFolders([allowed.url])
        #expect { _ = try PackReader(path: pack) { folders.hold(openFile: $0) } } throws: { "\($0)".contains("link") }
        try FileManager.default.copyItem(atPath: pack, toPath: allowed.path("a.resa").path)
        _ = try PackReader(path: allowed.path("a.resa").path) { folders.hold(openFile: $0) }
    }

    @Test func pathsLeadNowhereElse() async throws {
        let (server, elsewhere) = (try Server(), try AdaptersFolder())
        defer {
            withExtendedLifetime(server) {}
            withExtendedLifetime(elsewhere) {}
        }
        try elsewhere.addLoRA("secret")
        try FileManager.default.createSymbolicLink(
            atPath: server.allowed.path("link").path, withDestinationPath: elsewhere.path("secret").path)
        try server.allowed.write("text", to: "file.txt")
        let root = server.allowed.url.lastPathComponent
        for source in [
            elsewhere.path("secret").path, "file:\(elsewhere.path("secret").path)", "./link",
            "../\(elsewhere.url.lastPathComponent)/secret",
            "/etc", "./missing", "../\(root)", "/", server.allowed.url.path + "-other",
        ] {
            await #expect {
                try await server.keeper.add(source: source, as: "x")
            } throws: { Self.isForbidden($0) }
        }
        for (source, name) in [
            ("./file.txt", "x"), ("./link", "a/b"), ("./link", ".x"), ("./link", "base"), ("./link", ""), ("", "x"), ("hf:x", "x"),
            ("file:", "x"),
        ] {
            await #expect {
                try await server.keeper.add(source: source, as: name)
            } throws: { Self.isBadRequest($0) }
        }
        #expect(server.registry.list().isEmpty)
    }

    @Test func foldersOfTheOperatorStay() async throws {
        let folder = try AdaptersFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.addLoRA("ours", value: 3)
        let server = try Server(folder: folder)
        defer { withExtendedLifetime(server) {} }
        try server.allowed.addLoRA("theirs", value: 4)
        _ = try PackWriter().write(folder: server.allowed.path("theirs"), to: server.allowed.path("theirs.resa").path)
        let ours = try await server.digest("ours")
        await #expect {
            try await server.keeper.remove("ours")
        } throws: { Self.isForbidden($0) }
        await #expect {
            try await server.keeper.add(source: "theirs.resa", as: "ours")
        } throws: { Self.isForbidden($0) }
        // One that is attached hides it, until it is removed.
        #expect(try await server.keeper.add(source: "theirs", as: "ours").digest != ours)
        try await server.keeper.remove("ours")
        #expect(try await server.digest("ours") == ours)
    }

    @Test func pullsAreAskedForInVain() async throws {
        for (policy, source) in [
            (PullPolicy.off, "hf:org/repo"), (.off, "https://example.com/x.resa"), (.hosts(["example.org"]), "https://example.com/x.resa"),
            (.hosts(["127.0.0.1"]), "https://127.0.0.1/x.resa"), (.hosts(["example.com"]), "http://example.com/x.resa"),
        ] {
            let server = try Server(policy: policy)
            defer { withExtendedLifetime(server) {} }
            defer { withExtendedLifetime(server) {} }
            await #expect {
                try await server.keeper.add(source: source, as: "x")
            } throws: { Self.isForbiddenPull($0) }
            #expect(try server.home.store.list().isEmpty)
        }
        let without = try Server(policy: .unrestricted, store: false)
        await #expect {
            try await without.keeper.add(source: "hf:org/repo", as: "x")
        } throws: { Self.isForbidden($0) }
    }

    @Test func aPullGoesToTheStoreOrNowhere() async throws {
        let (home, source) = (try StoreFolder(), try AdaptersFolder())
        defer {
            withExtendedLifetime(home) {}
            withExtendedLifetime(source) {}
        }
        let puller = Puller(hub: HubEnvironment(endpoint: try WebAddress("http://127.0.0.1:1"), isOffline: true))
        let pull = StorePull(store: home.store, puller: puller)
        try source.addLoRA("math")
        try source.write("read me", to: "math/README.md")
        let place = try PullSource("file:\(source.path("math").path)")
        let first = try await pull.pull(place, as: name("math"), shape: smallShape)
        #expect(first.manifest.files.map(\.path) == ["README.md", "adapter_config.json", "adapter_model.safetensors"])
        #expect(first.manifest.source == place.description && first.pulled?.files.count == 3)
        try source.write("{", to: "math/adapter_config.json")
        await #expect {
            try await pull.pull(place, as: name("math"))
        } throws: { Self.isBroken($0) }
        #expect(try home.store.resolve(name("math")).digest == first.manifest.digest)
        _ = try PackWriter().write(try home.store.resolve(name("math")), of: home.store, to: source.path("p.resa").path)
        let packed = try await pull.pull(try PullSource("file:\(source.path("p.resa").path)"), as: name("packed"))
        #expect(packed.manifest.digest == first.manifest.digest)
        await #expect(throws: AdapterChangeError.pull(.offline(source: "hf:org/repo"))) {
            try await pull.pull(try PullSource("hf:org/repo"), as: name("x"))
        }
    }

    /// Swaps in a row beside requests in a row: each gets one version whole, whenever it asks.
    @Test func hotSwapsNeverMixVersions() async throws {
        let server = try Server()
        defer { withExtendedLifetime(server) {} }
        for version in 0..<3 { try server.allowed.addLoRA("v\(version)", value: Float(version + 1)) }
        _ = try await server.keeper.add(source: "v0", as: "math")
        let (registry, keeper) = (server.registry, server.keeper)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for swap in 1...150 { _ = try await keeper.add(source: "v\(swap % 3)", as: "math") } }
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<150 {
                        let set = try await registry.resolve([
                            AdapterSelection(name: "math", scale: 1), AdapterSelection(name: "math", scale: 2),
                        ])
                        #expect(Set(set.report.map(\.digest)).count == 1)
                        let updates = set.loras(layer: 1, module: .q).map(\.update)
                        #expect(updates.count == 2 && updates[0] === updates[1])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(registry.statistics.loaded == 1 && registry.statistics.loadFailures == 0 && registry.statistics.refusals == 0)
    }
}
