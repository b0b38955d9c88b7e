import JSONText
import Jinja
import Testing

@testable import Server

/// Fields that other servers know: what would change an answer here is refused by name, what would not is accepted.
@Suite struct UnservedFieldTests {
    private static let chat = #""messages": [{"role": "user", "content": "a"}]"#
    private static let prompt = #""prompt": "a""#
    private static let variants = #""prompt": "a", "variants": [[], []]"#

    private func expectRefused(_ client: Client, _ path: String, _ request: String, _ fields: String, _ param: String) async throws {
        let reply = try await client.post(path, "{\(request), \(fields)}")
        #expect(reply.status == 400 && reply.error["code"] == "unsupported_value", "\(path) \(fields): \(reply.text)")
        #expect(reply.error["param"]?.string == param && reply.errorMessage.hasPrefix(param + " is "), "\(path) \(fields): \(reply.text)")
    }

    @Test(arguments: [
        (#""tool_choice": "required""#, "tool_choice"), (#""tool_choice": "banana""#, "tool_choice"), (#""tool_choice": 5"#, "tool_choice"),
        (#""tool_choice": {"type": "function", "function": {"name": "f"}}"#, "tool_choice"),
        (#""function_call": {"name": "f"}"#, "function_call"),
        (#""functions": [{"name": "f"}]"#, "functions"),
        (#""tools": [{"type": "function"}], "parallel_tool_calls": false"#, "parallel_tool_calls"),
        (#""response_format": {"type": "json_object"}"#, "response_format"),
        (#""response_format": {"type": "json_schema"}"#, "response_format"),
        (#""response_format": {"schema": {}}"#, "response_format"), (#""response_format": "json""#, "response_format"),
        (#""structured_outputs": {"json": {}}"#, "structured_outputs"), (#""guided_json": {"type": "object"}"#, "guided_json"),
        (#""guided_regex": "a+""#, "guided_regex"), (#""guided_choice": ["a"]"#, "guided_choice"),
        (#""guided_grammar": "x""#, "guided_grammar"),
        (#""guided_decoding_backend": "xgrammar""#, "guided_decoding_backend"), (#""grammar": "root ::= \"a\"""#, "grammar"),
        (#""json_schema": {}"#, "json_schema"), (#""structural_tag": "x""#, "structural_tag"), (#""min_tokens": 3"#, "min_tokens"),
        (#""min_tokens": "3""#, "min_tokens"), (#""allowed_token_ids": [5]"#, "allowed_token_ids"), (#""bad_words": ["a"]"#, "bad_words"),
        (#""prompt_logprobs": 0"#, "prompt_logprobs"), (#""truncate_prompt_tokens": 5"#, "truncate_prompt_tokens"),
        (#""return_token_ids": true"#, "return_token_ids"), (#""return_tokens_as_token_ids": true"#, "return_tokens_as_token_ids"),
        (#""logprob_token_ids": [1]"#, "logprob_token_ids"), (#""use_beam_search": true"#, "use_beam_search"),
        (#""length_penalty": 2"#, "length_penalty"), (#""logits_processors": ["x"]"#, "logits_processors"),
        (#""thinking_token_budget": 5"#, "thinking_token_budget"), (#""cache_salt": "x""#, "cache_salt"), (#""priority": 1"#, "priority"),
        (#""prompt_embeds": "x""#, "prompt_embeds"), (#""mirostat": 2"#, "mirostat"), (#""typical_p": 0.9"#, "typical_p"),
        (#""xtc_probability": 0.1"#, "xtc_probability"), (#""dry_multiplier": 0.8"#, "dry_multiplier"),
        (#""top_n_sigma": 1"#, "top_n_sigma"),
        (#""dynatemp_range": 0.5"#, "dynatemp_range"), (#""samplers": ["top_k"]"#, "samplers"), (#""samplers": "kt""#, "samplers"),
        (#""repeat_penalty": 1.1"#, "repeat_penalty"), (#""presence_penalty": 1, "repeat_last_n": 64"#, "repeat_last_n"),
        (#""n_predict": 5"#, "n_predict"), (#""n_probs": 5"#, "n_probs"), (#""min_keep": 1"#, "min_keep"), (#""n_cmpl": 2"#, "n_cmpl"),
        (#""t_max_predict_ms": 100"#, "t_max_predict_ms"), (#""lora": [{"id": 0, "scale": 0.5}]"#, "lora"),
        (#""reasoning_format": "none""#, "reasoning_format"), (#""post_sampling_probs": true"#, "post_sampling_probs"),
        (#""modalities": ["text", "audio"]"#, "modalities"), (#""audio": {"voice": "x"}"#, "audio"), (#""verbosity": "low""#, "verbosity"),
        (#""web_search_options": {}"#, "web_search_options"), (#""suffix": "b""#, "suffix"), (#""best_of": 2"#, "best_of"),
    ])
    func whatWouldChangeAnAnswerIsRefused(_ fields: String, _ param: String) async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            for (path, request) in [(chatPath, Self.chat), (completionPath, Self.prompt), ("/v1/compare", Self.variants)] {
                try await expectRefused(client, path, request, fields, param)
            }
        }
        #expect(service.log.requests.isEmpty)
    }

    @Test func whatARouteDoesNotDo() async throws {
        try await Server.test { client in
            try await expectRefused(client, chatPath, Self.chat, #""echo": true"#, "echo")
            try await expectRefused(client, chatPath, Self.chat, #""prompt": "a""#, "prompt")
            try await expectRefused(client, completionPath, Self.prompt, Self.chat, "messages")
            try await expectRefused(client, completionPath, Self.prompt, #""top_logprobs": 2"#, "top_logprobs")
            for fields in [
                ("n", "2"), ("logprobs", "3"), ("top_logprobs", "2"), ("echo", "true"), ("stream", "true"), ("observe_prompt", "true"),
                ("features", "{}"),
            ] {
                try await expectRefused(client, "/v1/compare", Self.variants, "\"\(fields.0)\": \(fields.1)", fields.0)
            }
            try await expectRefused(client, "/v1/features", Self.prompt, #""stream": true"#, "stream")
            try await expectRefused(client, "/v1/features", Self.prompt, #""features": {"top": 3}"#, "features")
            try await expectRefused(client, "/v1/features", Self.prompt, #""truncate_prompt_tokens": 3"#, "truncate_prompt_tokens")
            try await expectRefused(client, "/tokenize", Self.prompt, #""with_pieces": true"#, "with_pieces")
            try await expectRefused(client, "/tokenize", Self.prompt, #""parse_special": false"#, "parse_special")
            let usage = try await client.post(
                chatPath, #"{\#(Self.chat), "stream": true, "stream_options": {"continuous_usage_stats": true}}"#)
            #expect(usage.status == 400 && usage.error["param"] == "stream_options.continuous_usage_stats")
        }
    }

    @Test(arguments: [
        #""tool_choice": "none""#, #""tool_choice": "auto""#, #""tool_choice": null"#, #""function_call": "auto""#, #""functions": []"#,
        #""parallel_tool_calls": false"#, #""tools": [{"type": "function"}], "parallel_tool_calls": true"#,
        #""tools": [{"type": "function"}], "tool_choice": "none", "parallel_tool_calls": false"#,
        #""response_format": {"type": "text"}"#, #""structured_outputs": {}"#, #""guided_json": null"#, #""grammar": """#,
        #""min_tokens": 0"#, #""allowed_token_ids": []"#, #""bad_words": []"#, #""prompt_logprobs": null"#,
        #""truncate_prompt_tokens": null"#,
        #""return_token_ids": false"#, #""skip_special_tokens": true"#, #""length_penalty": 1.0"#, #""thinking_token_budget": -1"#,
        #""priority": 0"#, #""mirostat": 0, "mirostat_tau": 5, "mirostat_eta": 0.1"#, #""typical_p": 1"#,
        #""xtc_probability": 0, "xtc_threshold": 0.1"#, #""dry_multiplier": 0, "dry_base": 1.75, "dry_allowed_length": 2"#,
        #""top_n_sigma": -1"#,
        #""dynatemp_range": 0, "dynatemp_exponent": 1"#, #""samplers": []"#, #""repeat_penalty": 1, "repeat_last_n": 64"#,
        #""presence_penalty": 1, "repeat_last_n": -1"#, #""n_probs": 0"#, #""n_cmpl": 1"#, #""t_max_predict_ms": -1"#, #""lora": []"#,
        #""reasoning_format": "auto""#, #""modalities": ["text"]"#, #""verbosity": "medium""#, #""suffix": """#, #""best_of": 1"#,
        // What concerns speed and book-keeping only, and what nobody knows.
        #""cache_prompt": false, "id_slot": 3, "n_keep": 5, "service_tier": "flex", "metadata": {"a": "b"}, "store": true"#,
        #""safety_identifier": "x", "prompt_cache_key": "y", "prediction": {"type": "content"}, "request_id": "z"#
            + #"", "frobnicate": {"a": [1]}"#,
    ])
    func whatChangesNothingIsAccepted(_ fields: String) async throws {
        try await Server.test { client in
            for (path, request) in [(chatPath, Self.chat), (completionPath, Self.prompt), ("/v1/compare", Self.variants)] {
                let reply = try await client.post(path, "{\(request), \(fields)}")
                #expect(reply.status == 200, "\(path) \(fields): \(reply.text)")
            }
        }
    }

    @Test func everyFieldOfTheTableRefusesSomething() throws {
        let silly: JSON = ["never": "neutral"]
        for entry in UnservedFields.table {
            for name in entry.names {
                let request = FieldReader(.object(JSONObject([(key: name, value: silly)])))
                for route in entry.routes {
                    let error = #expect(throws: APIError.self) { try UnservedFields.refuse(request, on: route) }
                    #expect(error?.param == name && error?.code == "unsupported_value")
                }
                let null = FieldReader(.object(JSONObject([(key: name, value: .null)])))
                for route in UnservedFields.Route.allCases { try UnservedFields.refuse(null, on: route) }
            }
        }
    }

    @Test func specialTokensAreKeptOnRequest() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            for (path, request) in [(chatPath, Self.chat), (completionPath, Self.prompt), ("/v1/compare", Self.variants)] {
                let reply = try await client.post(path, "{\(request), \"skip_special_tokens\": false}")
                #expect(reply.status == 200)
            }
            #expect(try await client.post(completionPath, "{\(Self.prompt)}").status == 200)
        }
        #expect(service.log.requests.map(\.skipsSpecialTokens) == [false, false, false, false, true])
    }

    @Test func specialTokensInFrontOfAPrompt() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            _ = try await client.post(chatPath, "{\(Self.chat), \"add_special_tokens\": true}")
            _ = try await client.post("/v1/features", "{\(Self.prompt), \"add_special_tokens\": false}")
            _ = try await client.post("/v1/compare", "{\(Self.variants), \"add_special_tokens\": false}")
            #expect(try await client.post("/tokenize", #"{"content": "a", "add_special": false}"#).json["tokens"] == [97])
        }
        #expect(service.log.requests.map { $0.prompt.first } == [256, 97, 97, 97])
    }

    @Test(arguments: [
        (#""reasoning_effort": "low""#, "low", true), (#""reasoning_effort": "none""#, "none", false),
        (#""reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": false}"#, "high", false),
    ])
    func effortsReachTheTemplate(_ fields: String, _ effort: String, _ thinks: Bool) async throws {
        let template = "{{ reasoning_effort }} {{ enable_thinking }}"
        let service = ScriptedService(renders: { chat throws(ChatError) in
            let rendered = try? ChatTemplate(source: template, bosToken: "", eosToken: "").render(
                messages: chat.messages, addGenerationPrompt: true, extra: chat.extra)
            return rendered ?? "not rendered"
        })
        try await Server.test(service) { client in
            let reply = try await client.post(chatPath, "{\(Self.chat), \(fields)}")
            #expect(reply.status == 200)
            #expect(try await client.post(chatPath, "{\(Self.chat), \"reasoning_effort\": \"hurry\"}").error["param"] == "reasoning_effort")
        }
        #expect(service.log.requests.first.map { service.decode($0.prompt) } == "\(effort) \(thinks ? "True" : "False")")
    }
}
