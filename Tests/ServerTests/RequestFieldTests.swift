import Engine
import Testing

@testable import Server

/// What chat and completion requests refuse, each with the field at fault, and what they take.
@Suite struct RequestFieldTests {
    static let refused: [(fields: String, param: String)] = [
        (#""temperature": -0.1"#, "temperature"), (#""temperature": "hot""#, "temperature"), (#""temperature": 1e39"#, "temperature"),
        (#""temperature": true"#, "temperature"), (#""temperature": NaN"#, "temperature"), (#""temperature": Infinity"#, "temperature"),
        (#""top_p": 0"#, "top_p"), (#""top_p": 1.01"#, "top_p"), (#""top_k": -2"#, "top_k"), (#""top_k": 1.5"#, "top_k"),
        (#""min_p": -0.1"#, "min_p"), (#""min_p": 1.1"#, "min_p"), (#""presence_penalty": 2.1"#, "presence_penalty"),
        (#""frequency_penalty": -2.1"#, "frequency_penalty"), (#""repetition_penalty": 0"#, "repetition_penalty"),
        (#""repetition_penalty": 1e-60"#, "repetition_penalty"), (#""seed": 1.5"#, "seed"), (#""seed": "a""#, "seed"),
        (#""seed": true"#, "seed"), (#""skip_special_tokens": 1"#, "skip_special_tokens"),
        (#""logit_bias": []"#, "logit_bias"), (#""logit_bias": {"x": 1}"#, "logit_bias"), (#""logit_bias": {"257": 1}"#, "logit_bias"),
        (#""logit_bias": {"5": 101}"#, "logit_bias.5"), (#""max_tokens": -1"#, "max_tokens"), (#""max_tokens": 1.5"#, "max_tokens"),
        (#""max_tokens": 201"#, "max_tokens"), (#""max_tokens": 1e40"#, "max_tokens"),
        (#""max_completion_tokens": 201"#, "max_completion_tokens"), (#""max_completion_tokens": -1"#, "max_completion_tokens"),
        (#""max_tokens": 5, "max_completion_tokens": 201"#, "max_completion_tokens"), (#""n": 0"#, "n"), (#""n": 257"#, "n"),
        (#""stop": 5"#, "stop"), (#""stop": [5]"#, "stop[0]"), (#""stop": """#, "stop"), (#""stop_token_ids": [257]"#, "stop_token_ids[0]"),
        (#""stop_token_ids": 5"#, "stop_token_ids"), (#""ignore_eos": 1"#, "ignore_eos"), (#""stream": 1"#, "stream"),
        (#""stream_options": {"include_usage": true}"#, "stream_options"), (#""stream": true, "stream_options": 5"#, "stream_options"),
        (#""model": 5"#, "model"), (#""adapters": 5"#, "adapters"), (#""observe_prompt": 5"#, "observe_prompt"),
    ]

    @Test(arguments: refused) func refusesInBothEndpoints(_ fields: String, _ param: String) async throws {
        try await Server.test { client in
            for (path, request) in [(chatPath, #""messages": [{"role": "user", "content": "a"}]"#), (completionPath, #""prompt": "a""#)] {
                let reply = try await client.post(path, "{\(request), \(fields)}")
                #expect(reply.status == 400)
                #expect(reply.error["type"]?.string == "invalid_request_error")
                #expect(reply.error["param"]?.string == param, "\(reply.text)")
                #expect(reply.errorMessage.contains(param.split(separator: "[")[0]))
            }
        }
    }

    @Test(arguments: [
        (#""prompt": "a", "suffix": "b""#, "suffix"), (#""prompt": "a", "best_of": 2"#, "best_of"),
        (#""prompt": "a", "logprobs": 21"#, "logprobs"),
        (#""prompt": "a", "logprobs": true"#, "logprobs"), (#""prompt": "a", "echo": 1"#, "echo"), (#""n": 1"#, "prompt"),
        (#""prompt": []"#, "prompt"),
        (#""prompt": [[]]"#, "prompt[0]"), (#""prompt": [1, "a"]"#, "prompt[1]"), (#""prompt": ["a", 1]"#, "prompt[1]"),
        (#""prompt": [[1], "a"]"#, "prompt[1]"), (#""prompt": [257]"#, "prompt[0]"), (#""prompt": [-1]"#, "prompt[0]"),
        (#""prompt": 5"#, "prompt"),
        (#""prompt": [true]"#, "prompt[0]"), (#""prompt": ["a", "b"], "n": 200"#, "n"),
    ]) func refusesCompletions(_ fields: String, _ param: String) async throws {
        try await Server.test { client in
            let reply = try await client.post(completionPath, "{\(fields)}")
            #expect(reply.status == 400)
            #expect(reply.error["param"]?.string == param, "\(reply.text)")
        }
    }

    @Test(arguments: [
        (#""n": 1"#, "messages"), (#""messages": []"#, "messages"), (#""messages": "Hi""#, "messages"),
        (#""messages": [5]"#, "messages[0]"),
        (#""messages": [{"content": "a"}]"#, "messages[0].role"), (#""messages": [{"role": "user"}]"#, "messages[0].content"),
        (#""messages": [{"role": "user", "content": 5}]"#, "messages[0].content"),
        (#""messages": [{"role": "user", "content": [{"type": "text"}]}]"#, "messages[0].content[0].text"),
        (#""messages": [{"role": "user", "content": [{"type": "image_url"}]}]"#, "messages[0].content[0].type"),
        (#""messages": [{"role": "user", "content": "a"}], "top_logprobs": 2"#, "top_logprobs"),
        (#""messages": [{"role": "user", "content": "a"}], "logprobs": true, "top_logprobs": 21"#, "top_logprobs"),
        (#""messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_object"}"#, "response_format"),
        (#""messages": [{"role": "user", "content": "a"}], "tools": 5"#, "tools"),
        (
            #""messages": [{"role": "user", "content": "a"}], "continue_final_message": true, "add_generation_prompt": true"#,
            "continue_final_message"
        ),
    ]) func refusesChats(_ fields: String, _ param: String) async throws {
        try await Server.test { client in
            let reply = try await client.post(chatPath, "{\(fields)}")
            #expect(reply.status == 400)
            #expect(reply.error["param"]?.string == param, "\(reply.text)")
        }
    }

    @Test func everyFieldReachesTheEngine() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let reply = try await client.post(
                completionPath,
                #"""
                {"prompt": [1, 2], "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1, "presence_penalty": 1, "frequency_penalty": -1,
                 "repetition_penalty": 1.5, "logit_bias": {"5": -100}, "seed": -3, "stop": ["x", "y"], "stop_token_ids": [9], "ignore_eos": true,
                 "include_stop_str_in_output": true, "max_tokens": 11, "n": 2, "best_of": 2, "logprobs": 3, "echo": true, "suffix": null, "user": "me"}
                """#)
            #expect(reply.status == 200, "\(reply.text)")
        }
        let request = try #require(service.log.requests.first)
        var sampling = SamplingParameters()
        (sampling.temperature, sampling.topP, sampling.topK, sampling.minP) = (0.5, 0.9, 7, 0.1)
        (sampling.presencePenalty, sampling.frequencyPenalty, sampling.repetitionPenalty) = (1, -1, 1.5)
        (sampling.logitBias, sampling.seed) = ([5: -100], UInt64(bitPattern: -3))
        #expect(request.sampling == sampling)
        var stop = StopConditions(maxTokens: 11)
        (stop.strings, stop.tokens, stop.ignoreEOS, stop.includeStopText) = (["x", "y"], [9], true, true)
        #expect(request.stop == stop)
        #expect(request.prompt == [1, 2] && request.choices == 2 && request.logprobs == 3 && request.promptLogprobs == 3)
    }

    /// Any whole number is a seed, modulo 2^64.
    @Test(
        arguments: [
            ("0", 0), ("7", 7), ("7.0", 7), ("-1", .max), ("-3.0", .max - 2), ("9223372036854775807", 1 << 63 - 1),
            ("-9223372036854775808", 1 << 63), ("9223372036854775808", 1 << 63), ("18446744073709551616", 0), ("-18446744073709551616", 0),
            ("9223372036854775809", 1 << 63 + 1), ("-18446744073709551617", .max),
            ("1e20", 7_766_279_631_452_241_920), ("-1e20", 10_680_464_442_257_309_696), ("1e300", 0),
        ] as [(String, UInt64)])
    func seedsAreAnyWholeNumber(_ text: String, _ seed: UInt64) async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let reply = try await client.post(completionPath, #"{"prompt": "a", "seed": \#(text)}"#)
            #expect(reply.status == 200, "\(reply.text)")
        }
        #expect(service.log.requests.first?.sampling.seed == seed)
    }

    @Test func tokensNotAskedForDependOnTheEndpoint() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            _ = try await client.post(completionPath, #"{"prompt": "abc", "top_k": -1, "max_tokens": null}"#)
            _ = try await client.post(chatPath, #"{"messages": [{"role": "user", "content": "a"}]}"#)
            _ = try await client.post(
                chatPath, #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 9, "max_completion_tokens": 5}"#)
            _ = try await client.post(completionPath, #"{"prompt": "abc", "max_completion_tokens": 7}"#)
        }
        let requests = service.log.requests
        #expect(requests.map(\.stop.maxTokens) == [16, 198, 5, 7])
        #expect(requests[0].prompt == [256, 97, 98, 99] && requests[0].sampling.topK == 0)
        #expect(requests[1].prompt == Array("1|".utf8).map { Int32($0) }, "chat templates write BOS themselves")
    }

    @Test func promptsThatDoNotFitAreNamedByLength() async throws {
        try await Server.test { client in
            let long = String(repeating: "a", count: 200)
            for fields in [#""prompt": "\#(long)""#, #""prompt": "abc", "max_tokens": 197"#] {
                let reply = try await client.post(completionPath, "{\(fields)}")
                #expect(reply.status == 400 && reply.error["code"]?.string == "context_length_exceeded")
                #expect(reply.errorMessage.contains("200"))
            }
        }
    }
}
