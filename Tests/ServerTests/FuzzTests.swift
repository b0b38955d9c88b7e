import HTTPTypes
import JSONText
import TestRandomness
import Testing

@testable import Server

/// Random values in the fields the server knows: every request is answered or refused with a reason, none is the server's own fault.
@Suite struct FuzzTests {
    private static let fields = [
        "model", "prompt", "messages", "temperature", "top_p", "top_k", "min_p", "n", "best_of", "stop", "seed", "logit_bias", "max_tokens",
        "max_completion_tokens", "logprobs", "top_logprobs", "echo", "suffix", "stream", "stream_options", "adapters", "tools",
        "tool_choice",
        "chat_template_kwargs", "continue_final_message", "add_generation_prompt", "response_format", "ignore_eos", "stop_token_ids",
        "observe_prompt", "presence_penalty", "repetition_penalty", "add_special_tokens", "include_reasoning", "tokens", "content",
    ]
    private static let words = [
        "a", "", "math-lora", "r1-sae", "scripted", "scripted:math-lora", "user", "text", "edit", "add", "all", "é😀", "\u{0}", "role",
        "content",
        "name", "type", "latent", "op", "value", "edits", "scope", "from", "to", "layer", "include_usage", "5", "-1",
    ]

    private func value(_ random: inout SeededRandom, depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 7), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .int([0, 1, 2, -1, 5, 16, 256, 257, .max, .min].randomElement(using: &random)!)
        case 3: .double([0.5, -0.5, 1e300, -1e300, 1e-320, 2.0, 0].randomElement(using: &random)!)
        case 4, 5, 6: .string(Self.words.randomElement(using: &random)!)
        case 7: .array((0..<Int.random(in: 0...3, using: &random)).map { _ in value(&random, depth: depth - 1) })
        default:
            .object(
                JSONObject(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in
                        (key: Self.words.randomElement(using: &random)!, value: value(&random, depth: depth - 1))
                    }))
        }
    }

    @Test func everyRequestIsAnsweredOrRefused() async throws {
        let seed = SeededRandom.seed()
        try await Server.test { client in
            var random = SeededRandom(seed: seed)
            var statuses: Set<Int> = []
            for _ in 0..<1500 {
                let path = [chatPath, completionPath, "/tokenize", "/detokenize"].randomElement(using: &random)!
                var body: JSONObject =
                    path == chatPath ? JSONObject([("messages", [["role": "user", "content": "a"]])]) : JSONObject([("prompt", "a")])
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    body[Self.fields.randomElement(using: &random)!] = value(&random, depth: 3)
                }
                let text = JSONWriter.text(.object(body))
                let reply = try await client.post(path, text)
                statuses.insert(reply.status)
                #expect([200, 400, 404, 422].contains(reply.status), "seed \(seed): \(path) \(text) gave \(reply.text)")
                if reply.status != 200 { #expect(!reply.errorMessage.isEmpty, "seed \(seed): \(path) \(text)") }
            }
            #expect(statuses.isSuperset(of: [200, 400]))
        }
    }

    @Test func everyHeaderIsReadOrRefused() async throws {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        let parts = [
            "a", "r1-sae", ";", ",", "=", "layer", "12", "scale", "0.5", "\"", "(", ")", "?1", ":YQ==:", " ", "latent", "op", "add",
            "value", "@1", "é", "-",
        ]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0...10, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
            var headers = HTTPFields()
            headers.append(HTTPField(name: adaptersHeader, value: text))
            do {
                _ = try AdapterHeader.read(headers, limit: 16)
            } catch {
                #expect(error.status == .badRequest, "seed \(seed): \(text)")
            }
        }
    }
}
