import JSONText
import Testing

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
}
