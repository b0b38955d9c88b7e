import JSONText
import Testing

@testable import Engine
@testable import Server

/// What answers say of scopes, conditions and what splices lost, against a scripted model.
@Suite struct SpliceTests {
    private static let adapters =
        #""adapters": ["math-lora", {"name": "r1-sae", "mode": "splice", "scope": "think", "when": {"latent": 9, "above": 1.5}}]"#

    private func check(_ applied: JSON?, generated: JSON, tokens: JSON) {
        #expect(applied?[0]?["fvu"] == nil && applied?[0]?["name"] == "math-lora")
        let splice = applied?[1]
        #expect(splice?["fvu"] == generated && splice?["fvu_tokens"] == tokens)
        #expect(splice?["prompt_fvu"] == 0.5 && splice?["prompt_fvu_tokens"] == 3)
        #expect(splice?["scope"] == "think" && splice?["mode"] == "splice")
        #expect(
            splice?["when"]
                == ["adapter": "r1-sae", "digest": "sha256:bb", "hookpoint": "layers.12", "latent": 9, "above": 1.5])
    }

    @Test(arguments: [#""prompt": "ab""#, #""messages": [{"role": "user", "content": "Hi"}]"#])
    func wholeAndStreamedAnswersTellTheFVU(prompt: String) async throws {
        let path = prompt.contains("messages") ? chatPath : completionPath
        try await Server.test { client in
            for (choices, fvu, tokens) in [(1, 0.5, 2), (2, 0.4, 4)] as [(Int, JSON, JSON)] {
                let fields = "\(prompt), \(Self.adapters), \"n\": \(choices)"
                let whole = try await client.post(path, "{\(fields)}")
                check(whole.json["resa"]?["applied"], generated: fvu, tokens: tokens)
                let chunks = try await client.post(path, "{\(fields), \"stream\": true}").chunks
                let told = chunks.filter { $0["resa"]?["applied"]?[1]?["fvu"] != nil }
                #expect(told.count == 1 && told[0] == chunks.last)
                check(told[0]["resa"]?["applied"], generated: fvu, tokens: tokens)
                #expect(chunks[0]["resa"]?["applied"]?[1]?["mode"] == "splice", "the first chunk says what is applied")
            }
            let without = try await client.post(path, "{\(prompt), \"adapters\": [\"r1-sae\"], \"stream\": true}").chunks
            #expect(without.filter { $0["resa"]?["applied"] != nil }.count == 1, "nothing is said twice where nothing splices")
        }
    }

    @Test func comparisonsAndFeaturesTellIt() async throws {
        try await Server.test { client in
            let splice = #"[{"name": "r1-sae", "mode": "splice"}]"#
            let compared = try await client.post("/v1/compare", #"{"prompt": "ab", "variants": [[], \#(splice)]}"#)
            #expect(compared.json["variants"]?[1]?["applied"]?[0]?["fvu"] == 0.5, "\(compared.text)")
            let read = try await client.post("/v1/features", #"{"prompt": "Hi", "adapters": \#(splice)}"#)
            #expect(read.json["resa"]?["applied"]?[1]?["prompt_fvu"] == 0.5, "\(read.text)")
        }
    }

    @Test func aScopeThatHoldsNothingIs400() async throws {
        let service = ScriptedService(refusal: .nothingInScope(adapter: "r1-sae", scope: "think", problem: "there are no tags"))
        try await Server.test(service) { client in
            for stream in ["", ", \"stream\": true"] {
                let reply = try await client.post(completionPath, "{\"prompt\": \"ab\", \(Self.adapters)\(stream)}")
                #expect(reply.status == 400 && reply.error["param"]?.string == "adapters.scope")
                #expect(reply.error["message"]?.string?.contains("there are no tags") == true)
            }
        }
    }
}
