import JSONText
import Testing

@testable import AdapterRegistry
@testable import Adapters
@testable import Engine
@testable import Server

/// Latents on request: the field `features` and `POST /v1/features`, against a scripted model.
@Suite struct FeaturesTests {
    private static let path = "/v1/features"

    @Test func aTextIsReadAndNothingGenerated() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let reply = try await client.post(Self.path, #"{"prompt": "Hi", "top": 3, "layers": [12]}"#)
            #expect(reply.status == 200, "\(reply.text)")
            #expect(reply.json["object"]?.string == "resa.features" && reply.json["usage"]?["completion_tokens"] == 0)
            let first = try #require(reply.json["data"]?[0])
            #expect(first["hookpoint"] == "layers.12" && first["position"] == 0)
            #expect(first["latents"] == [["latent": 7, "activation": 2.5, "label": "doubt"]])
            #expect(reply.json["resa"]?["applied"]?[0]?["name"] == "r1-sae")
        }
        let request = try #require(service.log.requests.first)
        #expect(request.stop.maxTokens == 0 && request.observesPrompt)
        #expect(service.log.resolved == [[AdapterSelection(name: "r1-sae", layer: 12, at: .residual, mode: .observe, top: 3)]])
    }

    /// A text is read under the adapters that the request names, in whichever place, and the answer says so.
    @Test func adaptersOfTheHeaderAreOn() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let reply = try await client.post(
                Self.path, #"{"prompt": "Hi", "top": 3}"#, headers: [adaptersHeader: "math-lora;scale=0.5, r1-sae;latent=7;op=ablate"])
            #expect(reply.status == 200 && reply.json["resa"]?["applied"]?.array?.count == 3, "\(reply.text)")
            #expect(reply.headers[appliedHeader]?.contains("math-lora;") == true)
            let wrong = try await client.post(Self.path, #"{"prompt": "Hi"}"#, headers: [adaptersHeader: "math-lora;strength=2"])
            #expect(wrong.status == 400 && wrong.error["param"] == "Resa-Adapters")
        }
        #expect(
            service.log.resolved == [
                [
                    AdapterSelection(name: "r1-sae", layer: 12, at: .residual, mode: .observe, top: 3),
                    AdapterSelection(name: "math-lora", scale: 0.5),
                    AdapterSelection(name: "r1-sae", edits: [LatentEdit(latent: 7, op: .ablate)]),
                ]
            ])
    }

    @Test func generationsReadBesideTheirOwnAdapters() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let reply = try await client.post(
                "/v1/completions",
                #"{"prompt": "Hi", "max_tokens": 2, "adapters": ["math-lora"], "features": {"adapter": "r1-sae", "prompt": true}}"#)
            #expect(reply.status == 200, "\(reply.text)")
            let seen = reply.choice["resa"]?["prompt_observations"]
            #expect(seen?[0]?["latents"]?[0]?["label"] == "doubt", "\(reply.text)")
        }
        #expect(service.log.resolved.first?.map(\.name) == ["r1-sae", "math-lora"])
    }

    @Test(arguments: [
        (#"{"prompt": "Hi", "layers": [3]}"#, 400, "layers"), (#"{"prompt": "Hi", "layers": "12"}"#, 400, "layers"),
        (#"{"prompt": "Hi", "at": "mlp"}"#, 400, "at"), (#"{"prompt": "Hi", "at": "attn"}"#, 400, "at"),
        (#"{"prompt": "Hi", "adapter": "math-lora"}"#, 400, "adapter"), (#"{"prompt": "Hi", "adapter": "torn"}"#, 400, "adapter"),
        (#"{"prompt": "Hi", "top": 0}"#, 400, "top"), (#"{"layers": [12]}"#, 400, "messages"), (#"{"prompt": []}"#, 400, "prompt"),
    ])
    func refusals(_ body: String, _ status: Int, _ param: String) async throws {
        try await Server.test { client in
            let reply = try await client.post(Self.path, body)
            #expect(reply.status == status && reply.json["error"]?["param"]?.string == param, "\(reply.text)")
        }
    }

    @Test func unknownNames() async throws {
        try await Server.test { client in
            #expect(try await client.post(Self.path, #"{"prompt": "Hi", "adapter": "nobody"}"#).status == 404)
            let stranger = try await client.post("/v1/completions", #"{"prompt": "Hi", "features": {"tpo": 3}}"#)
            #expect(stranger.status == 400 && stranger.json["error"]?["param"] == "features.tpo")
        }
    }
}
