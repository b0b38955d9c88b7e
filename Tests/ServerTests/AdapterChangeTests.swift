import Downloads
import Foundation
import HTTPTypes
import JSONText
import Testing

@testable import AdapterRegistry
@testable import Adapters
@testable import Server

/// Changing what is served, by this API's routes and by vLLM's.
@Suite struct AdapterChangeTests {
    /// A folder of steering vectors, whose adapters are served, beside one that requests may name.
    private final class Folders {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        let service: ScriptedService

        init(memory: Int = 1 << 20) throws {
            try Self.addVectors(url.appendingPathComponent("served/calm"), value: 1)
            for version in 1...2 { try Self.addVectors(url.appendingPathComponent("allowed/v\(version)"), value: Float(version)) }
            let shape = ModelShape(layers: 2, hiddenSize: 4, queryWidth: 4, keyValueWidth: 4, ffnSize: 4, vocabSize: 8)
            let registry = try AdapterRegistry(
                folder: url.appendingPathComponent("served"), shape: shape, format: .f32, baseName: "scripted", memory: memory)
            var settings = PullSettings()
            settings.policy = .off
            var rules = AdapterKeeper.Rules(
                puller: Puller(hub: HubEnvironment(endpoint: try WebAddress("http://127.0.0.1:1")), settings: settings))
            rules.folders = AllowedFolders([url.appendingPathComponent("allowed")])
            service = ScriptedService(keeper: AdapterKeeper(registry, rules: rules))
        }

        deinit { try? FileManager.default.removeItem(at: url) }

        private static func addVectors(_ folder: URL, value: Float) throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(#"{"hookpoint": "layers.1"}"#.utf8).write(to: folder.appendingPathComponent("steering.json"))
            let header = Data(#"{"vector":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#.utf8)
            let body = [Float](repeating: value, count: 4).withUnsafeBytes { Data($0) }
            let file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header + body
            try file.write(to: folder.appendingPathComponent("vector.safetensors"))
        }
    }

    @Test func changesAreOffUnlessAllowed() async throws {
        try await Server.test { client in
            let body = #"{"source": "x", "name": "y", "lora_name": "a", "lora_path": "b"}"#
            for (method, path) in [
                (HTTPRequest.Method.post, "/v1/adapters"), (.delete, "/v1/adapters/math-lora"), (.post, "/v1/adapters/math-lora/load"),
                (.post, "/v1/adapters/math-lora/unload"), (.post, "/v1/adapters/math-lora/pin"), (.post, "/v1/adapters/math-lora/unpin"),
                (.post, "/v1/load_lora_adapter"), (.post, "/v1/unload_lora_adapter"),
            ] {
                let reply = try await client.send(method, path, body: body)
                #expect(reply.status == 403 && reply.error["code"]?.string == "adapter_changes_off", "\(path): \(reply.text)")
                #expect(reply.errorMessage.contains("--allow-adapter-changes"))
            }
        }
    }

    @Test func anAdapterComesAndGoes() async throws {
        let folders = try Folders()
        defer { withExtendedLifetime(folders) {} }
        try await Server.test(folders.service) { client in
            let added = try await client.post("/v1/adapters", #"{"source": "v1", "name": "mood"}"#)
            #expect(added.status == 200 && added.json["name"] == "mood" && added.json["state"] == "loaded", "\(added.text)")
            #expect(added.json["resident_bytes"] == 16 && added.json["uses"] == 0 && added.json["last_used"] == .null)
            let replaced = try await client.post("/v1/adapters", #"{"source": "v2", "name": "mood", "load": false}"#)
            #expect(replaced.json["state"] == "cold" && replaced.json["digest"] != added.json["digest"])
            let names = try await client.get("/v1/adapters").json["data"]?.array?.map { $0["name"] }
            #expect(names == ["calm", "mood"])
            let taken = try await client.post("/v1/adapters", #"{"source": "v1", "name": "mood", "replace": false}"#)
            #expect(taken.status == 400 && taken.error["code"] == "adapter_exists")

            for (verb, state) in [("pin", "pinned"), ("unpin", "loaded"), ("unload", "cold"), ("load", "loaded")] {
                let reply = try await client.send(.post, "/v1/adapters/mood/\(verb)")
                #expect(reply.status == 200 && reply.json["state"]?.string == state, "\(verb): \(reply.text)")
            }
            #expect(try await client.send(.post, "/v1/adapters/mood/dance").error["code"] == "unknown_url")
            #expect(try await client.send(.post, "/v1/adapters/moo/load").status == 404)
            #expect(try await client.post("/v1/adapters/mood/load", #"{"layer": 1}"#).error["param"] == "layer")

            let removed = try await client.send(.delete, "/v1/adapters/mood")
            #expect(removed.json == ["id": "mood", "object": "adapter.deleted", "deleted": true])
            #expect(try await client.send(.delete, "/v1/adapters/mood").status == 404)
            let kept = try await client.send(.delete, "/v1/adapters/calm")
            #expect(kept.status == 403 && kept.error["code"] == "not_allowed")
        }
    }

    @Test func vllmsRoutes() async throws {
        let folders = try Folders()
        defer { withExtendedLifetime(folders) {} }
        let allowed = folders.url.appendingPathComponent("allowed").path
        try await Server.test(folders.service) { client in
            func load(_ name: String, _ path: String, _ more: String = "") async throws -> Reply {
                try await client.post("/v1/load_lora_adapter", #"{"lora_name": "\#(name)", "lora_path": "\#(path)"\#(more)}"#)
            }
            func unload(_ name: String) async throws -> Reply {
                try await client.post("/v1/unload_lora_adapter", #"{"lora_name": "\#(name)"}"#)
            }
            let added = try await load("mood", "\(allowed)/v1")
            #expect(added.status == 200 && added.text == "Success: LoRA adapter 'mood' added successfully.")
            let taken = try await load("mood", "\(allowed)/v2")
            #expect(taken.status == 400 && taken.error["code"] == "adapter_exists" && taken.error["param"] == "lora_name")
            #expect(try await load("mood", "\(allowed)/v2", #", "load_inplace": true"#).status == 200)
            #expect(try await load("mood", "").status == 400)
            #expect(try await load("other", "/etc").status == 403)
            let removed = try await unload("mood")
            #expect(removed.status == 200 && removed.text == "Success: LoRA adapter 'mood' removed successfully.")
            #expect(try await unload("mood").status == 404)
            let ours = try await unload("calm")
            #expect(ours.status == 400 && ours.error["code"] == "adapter_not_attached")
        }
    }

    @Test(arguments: [
        (#"{"name": "x"}"#, 400, "source"), (#"{"source": "v1"}"#, 400, "name"), (#"{"source": "v1", "name": "a/b"}"#, 400, "name"),
        (#"{"source": "v1", "name": "scripted"}"#, 400, "name"), (#"{"source": "v1", "name": "x", "load": 1}"#, 400, "load"),
        (#"{"source": "/etc", "name": "x"}"#, 403, nil), (#"{"source": "../served/calm", "name": "x"}"#, 403, nil),
        (#"{"source": "hf:org/repo", "name": "x"}"#, 403, nil), (#"{"source": "https://127.0.0.1/x.resa", "name": "x"}"#, 403, nil),
        (#"{"source": "unknown", "name": "x"}"#, 403, nil), (#"{"source": "hf:org", "name": "x"}"#, 400, "source"),
    ]) func whatIsRefused(_ body: String, _ status: Int, _ param: String?) async throws {
        let folders = try Folders()
        defer { withExtendedLifetime(folders) {} }
        let path = folders.url.path
        try await Server.test(folders.service) { client in
            let reply = try await client.post("/v1/adapters", body)
            #expect(reply.status == status && reply.error["param"]?.string == param, "\(reply.text)")
            #expect(!reply.text.contains(path))
        }
    }

    @Test func webPagesOfElsewhereChangeNothing() async throws {
        let folders = try Folders()
        defer { withExtendedLifetime(folders) {} }
        let body = #"{"source": "v1", "name": "mood"}"#
        let page: HTTPFields = [.origin: "https://evil.example"]
        try await Server.test(folders.service) { client in
            let reply = try await client.post("/v1/adapters", body, headers: page)
            #expect(reply.status == 403 && reply.error["code"] == "origin_not_allowed")
        }
        var settings = ServerSettings.patient
        settings.allowedOrigins = ["https://evil.example"]
        try await Server.test(folders.service, settings: settings) { client in
            let reply = try await client.post("/v1/adapters", body, headers: page)
            #expect(reply.status == 200, "\(reply.text)")
        }
    }

    @Test func memoryIsBoundedAndToldOf() async throws {
        let folders = try Folders(memory: 16)
        defer { withExtendedLifetime(folders) {} }
        try await Server.test(folders.service) { client in
            #expect(try await client.post("/v1/adapters/calm/pin", "").json["state"] == "pinned")
            let full = try await client.post("/v1/adapters", #"{"source": "v1", "name": "mood"}"#)
            #expect(full.status == 503 && full.error["code"] == "adapter_memory_full" && full.headers[.retryAfter] == "1")
            let page = try await client.get("/metrics").text
            for line in [
                "resa_adapters_pinned 1", "resa_adapter_memory_bytes 16", "resa_adapter_memory_limit_bytes 16",
                "resa_adapter_loads_total 1",
                "resa_adapter_evictions_total 0",
            ] { #expect(page.contains(line + "\n"), "\(line)") }
        }
        try await Server.test { client in
            let huge = try await client.post(completionPath, #"{"prompt": "a", "adapters": ["huge"]}"#)
            #expect(huge.status == 422 && huge.error["code"] == "adapter_too_large" && huge.errorMessage.contains("9.0 MiB"))
            let unlucky = try await client.post(completionPath, #"{"prompt": "a", "adapters": ["unlucky"]}"#)
            #expect(unlucky.status == 503 && unlucky.headers[.retryAfter] == "1")
        }
    }
}
