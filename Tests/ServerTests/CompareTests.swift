import JSONText
import Testing

@testable import AdapterRegistry
@testable import Engine
@testable import Server

/// `POST /v1/compare` against a scripted model.
@Suite struct CompareTests {
    private static let path = "/v1/compare"
    private static let variants = #""variants": [[], {"label": "strong", "adapters": [{"name": "math-lora", "scale": 2}]}]"#

    @Test func everyVariantAnswersAndScoresTheFirst() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let reply = try await client.post(Self.path, #"{"prompt": "Hi", "max_tokens": 10, \#(Self.variants)}"#)
            #expect(reply.status == 200, "\(reply.text)")
            #expect(reply.json["object"]?.string == "resa.comparison" && reply.json["tokens"]?.array?.count == 2)
            let variants = try #require(reply.json["variants"]?.array)
            #expect(variants.count == 2 && variants.allSatisfy { $0["content"]?.string == "Hello world!" })
            #expect(variants[0]["label"] == "base" && variants[0]["applied"] == [] && variants[0]["mean_kl"]?.double == 0)
            #expect(variants[1]["label"] == "strong" && variants[1]["applied"]?[0]?["name"] == "math-lora")
            #expect(variants[1]["logprobs"]?.array?.map(\.double) == [-2, -2])
            #expect(variants[1]["logprob_differences"]?.array?.map(\.double) == [-1, -1])
            #expect(variants[1]["kl"]?.array?.map(\.double) == [0.25, 0.25] && variants[1]["mean_kl"]?.double == 0.25)
            #expect(reply.json["usage"]?["completion_tokens"] == 4)
        }
        let scored = try #require(service.log.scored.first)
        #expect(
            scored.answer == [72, 32] && scored.variants.count == 2 && service.log.requests.map(\.prompt) == [scored.prompt, scored.prompt])
        #expect(service.log.resolved.map { $0.map(\.scale) } == [[2]])
    }

    @Test func chatsAreRendered() async throws {
        try await Server.test { client in
            let reply = try await client.post(
                Self.path, #"{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, \#(Self.variants)}"#)
            #expect(reply.status == 200 && reply.json["variants"]?[1]?["finish_reason"] == "length")
        }
    }

    @Test(arguments: [
        (#"{"prompt": "Hi"}"#, "variants"), (#"{"prompt": "Hi", "variants": [[]]}"#, "variants"),
        (#"{"prompt": "Hi", "variants": [[], 3]}"#, "variants[1]"), (#"{"prompt": ["a", "b"], "variants": [[], []]}"#, "prompt"),
        (#"{"prompt": "Hi", "messages": [], "variants": [[], []]}"#, "prompt"),
        (#"{"prompt": "Hi", "variants": [[], [{"name": "r1-sae", "strength": 2}]]}"#, "variants[1].adapters[0].strength"),
        (#"{"prompt": "Hi", "stream": true, "variants": [[], []]}"#, "stream"),
        (#"{"prompt": "Hi", "model": "math-lora", "variants": [[], []]}"#, "model"),
    ])
    func refusals(_ body: String, _ param: String) async throws {
        try await Server.test { client in
            let reply = try await client.post(Self.path, body)
            #expect(reply.status == 400 && reply.json["error"]?["param"]?.string == param, "\(reply.text)")
        }
    }

    @Test func unknownAdaptersAndTooManyVariants() async throws {
        try await Server.test { client in
            let unknown = try await client.post(Self.path, #"{"prompt": "Hi", "variants": [[], ["nobody"]]}"#)
            #expect(unknown.status == 404)
            let many = Array(repeating: "[]", count: ServerSettings().maxVariants + 1).joined(separator: ", ")
            let tooMany = try await client.post(Self.path, #"{"prompt": "Hi", "variants": [\#(many)]}"#)
            #expect(tooMany.status == 400 && tooMany.json["error"]?["param"] == "variants")
        }
    }

    /// What the request names beside the variants is for those that say nothing of adapters.
    @Test(arguments: [
        ("", "math-lora;scale=0.5" as String?), (#", "adapters": [{"name": "math-lora", "scale": 0.5}]"#, nil),
        (#", "model": "math-lora""#, nil),
        (#", "adapters": [{"name": "math-lora", "scale": 0.5}]"#, "math-lora;scale=0.5"),
    ])
    func silentVariantsHaveTheRequestsAdapters(_ fields: String, _ header: String?) async throws {
        let service = ScriptedService()
        let variants = #"[[], {}, {"label": "read", "adapters": ["r1-sae"]}, {"label": "mine"}, {"adapters": []}, {"adapters": null}]"#
        try await Server.test(service) { client in
            let reply = try await client.post(
                Self.path, #"{"prompt": "Hi", "max_tokens": 2, "variants": \#(variants)\#(fields)}"#,
                headers: header.map { [adaptersHeader: $0] } ?? [:])
            #expect(reply.status == 200, "\(reply.text)")
            let found = reply.json["variants"]?.array ?? []
            #expect(found.map { $0["label"] } == ["base", "math-lora", "read", "mine", "base", "math-lora"])
            let applied = found.map { $0["applied"]?.array?.map { $0["name"]?.string } ?? [] }
            #expect(applied == [[], ["math-lora"], ["r1-sae"], ["math-lora"], [], ["math-lora"]])
        }
        let scale: Float? = fields.contains("model") ? nil : 0.5
        let named = [AdapterSelection(name: "math-lora", scale: scale)]
        #expect(service.log.resolved == [named, [AdapterSelection(name: "r1-sae")], named, named])
    }

    @Test func errorsOfThemNameThePlace() async throws {
        try await Server.test { client in
            let request = #"{"prompt": "Hi", "variants": [[], {"label": "x"}, ["math-lora"]]"#
            let header = try await client.post(Self.path, request + "}", headers: [adaptersHeader: "nobody"])
            #expect(header.status == 404 && header.error["param"] == "Resa-Adapters", "\(header.text)")
            let field = try await client.post(Self.path, request + #", "adapters": [{"name": "r1-sae", "layer": 3}]}"#)
            #expect(field.status == 400 && field.error["param"] == "adapters.layer", "\(field.text)")
            let both = try await client.post(Self.path, request + #", "adapters": ["r1-sae"]}"#, headers: [adaptersHeader: "math-lora"])
            #expect(both.status == 400 && both.error["param"] == "adapters")
            #expect(try await client.post(Self.path, request + "}", headers: [adaptersHeader: "a;strength=2"]).status == 400)
            // An empty list is one: there is none beside the variants' own.
            #expect(try await client.post(Self.path, request + "}", headers: [adaptersHeader: ""]).status == 200)
        }
    }
}
