import JSONText
import Testing

@testable import Engine
@testable import Server

/// Whole and streamed answers of both endpoints.
@Suite struct AnswerTests {
    private static let question = #""messages": [{"role": "user", "content": "Hi"}]"#

    @Test func chat() async throws {
        try await Server.test { client in
            let reply = try await client.post(chatPath, "{\(Self.question), \"max_tokens\": 10}")
            #expect(reply.status == 200)
            #expect(reply.json["object"]?.string == "chat.completion" && reply.json["model"]?.string == "scripted")
            #expect(reply.json["id"]?.string?.hasPrefix("chatcmpl-") == true && (reply.json["created"]?.int ?? 0) > 1_700_000_000)
            #expect(reply.choice["message"]?["role"]?.string == "assistant")
            #expect(reply.choice["message"]?["content"]?.string == "Hello world!")
            #expect(reply.choice["finish_reason"]?.string == "stop" && reply.choice["logprobs"] == .null)
            let usage: JSON = [
                "prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4, "prompt_tokens_details": ["cached_tokens": 3],
                "completion_tokens_details": ["reasoning_tokens": 0],
            ]
            #expect(reply.json["usage"] == usage)
            #expect(reply.json["resa"]?["applied"] == [])
        }
    }

    @Test func streamedChatSaysTheSame() async throws {
        try await Server.test { client in
            let reply = try await client.post(
                chatPath, "{\(Self.question), \"n\": 2, \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
            #expect(reply.headers[.contentType]?.hasPrefix("text/event-stream") == true)
            #expect(reply.text.hasSuffix("data: [DONE]\n\n"))
            let chunks = try reply.chunks
            #expect(chunks.allSatisfy { $0["object"]?.string == "chat.completion.chunk" })
            #expect(chunks[0]["choices"]?[0]?["delta"] == ["role": "assistant", "content": ""])
            #expect(chunks[0]["resa"]?["applied"] == [])
            var texts = ["", ""]
            var finishes: [JSON] = []
            for chunk in chunks.dropLast() {
                #expect(chunk["usage"] == .null)
                let choice = try #require(chunk["choices"]?[0])
                texts[try #require(choice["index"]?.int)] += choice["delta"]?["content"]?.string ?? ""
                if let finish = choice["finish_reason"], !finish.isNull { finishes.append(finish) }
            }
            #expect(texts == ["Hello world!", "Hello world!"] && finishes == ["stop", "stop"])
            #expect(chunks.last?["choices"] == [] && chunks.last?["usage"]?["completion_tokens"] == 4)
        }
    }

    @Test func usageIsOnlyStreamedWhenAskedFor() async throws {
        try await Server.test { client in
            let chunks = try await client.post(chatPath, "{\(Self.question), \"stream\": true}").chunks
            #expect(chunks.allSatisfy { $0["usage"] == nil && $0["choices"]?.array?.count == 1 })
        }
    }

    @Test(arguments: [false, true]) func reasoningIsSplitOff(_ primed: Bool) async throws {
        let pieces = (primed ? [] : ["<think>"]) + ["\nLet me", " see</thi", "nk>", "\n\nIt is", " 4"]
        let service = ScriptedService(
            pieces: pieces, renders: { _ throws(ChatError) in primed ? "<|Assistant|><think>\n" : "<|Assistant|>" })
        try await Server.test(service) { client in
            let whole = try await client.post(chatPath, "{\(Self.question)}")
            let message = try #require(whole.choice["message"])
            #expect(message["content"]?.string == "It is 4!")
            #expect(message["reasoning_content"]?.string == "Let me see" && message["reasoning"] == message["reasoning_content"])
            #expect(whole.json["usage"]?["completion_tokens_details"]?["reasoning_tokens"]?.int == 3)

            var reasoning = ""
            var content = ""
            for chunk in try await client.post(chatPath, "{\(Self.question), \"stream\": true}").chunks {
                let delta = try #require(chunk["choices"]?[0]?["delta"])
                if let text = delta["reasoning_content"]?.string {
                    #expect(delta["content"] == nil && delta["reasoning"]?.string == text && content.isEmpty)
                    reasoning += text
                }
                content += delta["content"]?.string ?? ""
            }
            #expect(reasoning == "Let me see" && content == "It is 4!")

            let without = try await client.post(chatPath, "{\(Self.question), \"include_reasoning\": false}")
            #expect(without.choice["message"]?["reasoning"] == nil && without.choice["message"]?["content"]?.string == "It is 4!")
        }
    }

    @Test func chatLogprobs() async throws {
        try await Server.test { client in
            let fields = "\(Self.question), \"logprobs\": true, \"top_logprobs\": 2"
            let entries = try await client.post(chatPath, "{\(fields)}").choice["logprobs"]?["content"]?.array
            let first: JSON = [
                "token": "H", "logprob": -1.5, "bytes": [72],
                "top_logprobs": [["token": "z", "logprob": -0.25, "bytes": [122]], ["token": "H", "logprob": -1.5, "bytes": [72]]],
            ]
            #expect(entries?.count == 2 && entries?.first == first)
            let streamed = try await client.post(chatPath, "{\(fields), \"stream\": true}").chunks
                .flatMap { $0["choices"]?[0]?["logprobs"]?["content"]?.array ?? [] }
            #expect(streamed == entries)
        }
    }

    @Test func completionsOfSeveralPromptsAndChoices() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let fields = #""prompt": ["ab", "c"], "n": 2, "max_tokens": 5"#
            let reply = try await client.post(completionPath, "{\(fields)}")
            #expect(reply.json["object"]?.string == "text_completion" && reply.json["id"]?.string?.hasPrefix("cmpl-") == true)
            #expect(reply.json["choices"]?.array?.map { $0["index"]?.int } == [0, 1, 2, 3])
            #expect(reply.json["choices"]?.array?.allSatisfy { $0["text"] == "Hello world!" } == true)
            #expect(reply.json["usage"]?["prompt_tokens"]?.int == 5 && reply.json["usage"]?["completion_tokens"]?.int == 8)
            var texts = Array(repeating: "", count: 4)
            for chunk in try await client.post(completionPath, "{\(fields), \"stream\": true}").chunks {
                let choice = try #require(chunk["choices"]?[0])
                texts[try #require(choice["index"]?.int)] += choice["text"]?.string ?? ""
            }
            #expect(texts == Array(repeating: "Hello world!", count: 4))
        }
        #expect(service.log.requests.map(\.prompt) == [[256, 97, 98], [256, 99], [256, 97, 98], [256, 99]])
    }

    @Test(arguments: [#""aé""#, "[97, 195, 169]"]) func echoScoresThePrompt(_ prompt: String) async throws {
        try await Server.test { client in
            let reply = try await client.post(
                completionPath, "{\"prompt\": \(prompt), \"echo\": true, \"logprobs\": 1, \"max_tokens\": 0, \"add_special_tokens\": false}"
            )
            #expect(reply.choice["text"]?.string == "aé" && reply.choice["finish_reason"]?.string == "length")
            let logprobs = try #require(reply.choice["logprobs"])
            #expect(logprobs["tokens"] == ["a", "bytes:\\xc3", "bytes:\\xa9"])
            #expect(logprobs["token_logprobs"] == [nil, -1.5, -1.5])
            #expect(logprobs["top_logprobs"]?[0] == .null && logprobs["text_offset"] == [0, 1, 2])
            // The token itself is always among the alternatives: lm-evaluation-harness compares it with their maximum.
            #expect(logprobs["top_logprobs"]?[1] == ["z": -0.25, "bytes:\\xc3": -1.5])
        }
    }

    @Test func echoWithABeginningTokenKeepsOffsetsInTheText() async throws {
        try await Server.test { client in
            let reply = try await client.post(completionPath, #"{"prompt": "ab", "echo": true, "logprobs": 0, "max_tokens": 1}"#)
            #expect(reply.choice["text"]?.string == "abHello")
            #expect(reply.choice["logprobs"]?["tokens"] == ["<s>", "a", "b", "H"])
            #expect(reply.choice["logprobs"]?["text_offset"] == [0, 0, 1, 2])
        }
    }

    @Test func streamedCompletionLogprobsJoinToTheWholeOnes() async throws {
        try await Server.test { client in
            let fields = #""prompt": "ab", "echo": true, "logprobs": 1, "max_tokens": 2"#
            let whole = try #require(try await client.post(completionPath, "{\(fields)}").choice["logprobs"])
            let chunks = try await client.post(completionPath, "{\(fields), \"stream\": true}").chunks
            for key in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                #expect(chunks.flatMap { $0["choices"]?[0]?["logprobs"]?[key]?.array ?? [] } == whole[key]?.array)
            }
        }
    }

    @Test func engineErrorsBecomeStatuses() async throws {
        let cases: [(EngineError, Int, String?)] = [
            (.queueFull(limit: 5), 429, "queue_full"), (.clientQueueFull(limit: 2), 429, "queue_full"), (.shuttingDown, 503, "draining"),
            (.promptTooLong(tokens: 5, limit: 3), 400, "context_length_exceeded"), (.tooManyChoices(wanted: 9, limit: 3), 400, nil),
        ]
        for (error, status, code) in cases {
            try await Server.test(ScriptedService(refusal: error)) { client in
                for stream in [false, true] {
                    let reply = try await client.post(completionPath, #"{"prompt": "a", "stream": \#(stream)}"#)
                    #expect(reply.status == status && reply.error["code"]?.string == code)
                    #expect((reply.headers[.retryAfter] != nil) == (status == 429 || status == 503))
                }
            }
        }
    }

    @Test func aFailureInTheMiddleIsToldInTheStream() async throws {
        try await Server.test(ScriptedService(ending: .fails(.shuttingDown))) { client in
            let chunks = try await client.post(completionPath, #"{"prompt": "a", "stream": true}"#).chunks
            #expect(chunks.last?["error"]?["code"]?.string == "draining")
            #expect(try await client.post(completionPath, #"{"prompt": "a"}"#).status == 503)
        }
    }
}
