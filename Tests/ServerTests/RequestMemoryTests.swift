import JSONText
import Testing

@testable import Adapters
@testable import Engine
@testable import Server

@Suite struct RequestMemoryTests {
    @Test func sharesAreGivenBack() throws {
        let memory = RequestMemory(limit: 100, retrySeconds: 3)
        do {
            let (first, second) = (memory.open(), memory.open())
            try first.grow(by: 60)
            #expect(!second.tryGrow(by: 41))
            try second.grow(by: 40)
            #expect(memory.usedBytes == 100)
            try first.resize(to: 10)
            first.shrink(by: 5)
            #expect(memory.usedBytes == 45)
            second.settle(at: 200)
            #expect(memory.usedBytes == 205)
        }
        #expect(memory.usedBytes == 0)
    }

    /// 429 where waiting helps, 413 where it does not.
    @Test func refusalsSayWhetherToTryAgain() throws {
        let memory = RequestMemory(limit: 100, retrySeconds: 3)
        let (first, second) = (memory.open(), memory.open())
        try first.grow(by: 60)
        let later = #expect(throws: APIError.self) { try second.grow(by: 50) }
        #expect(later?.status == .tooManyRequests && later?.retryAfter == 3)
        let never = #expect(throws: APIError.self) { try first.resize(to: 101) }
        #expect(never?.status == .contentTooLarge && never?.code == "request_too_large")
        #expect(memory.usedBytes == 60)
    }

    @Test func parsingCostsMoreThanItsText() throws {
        // What lists of small things take, against what is estimated: an element is a JSON value.
        for text in ["[0,0,0,0]", "[[],[],[]]", #"[{"a":1},{"b":2}]"#, #"["a","b"]"#] {
            let cost = text.utf8.withContiguousStorageIfAvailable { MemoryCost.parsing(UnsafeRawBufferPointer($0)) }
            let elements = text.count { $0 == "," } + 1
            #expect(try #require(cost) > elements * MemoryLayout<JSON>.stride + text.utf8.count)
        }
    }

    private static func unfinished(_ bytes: Int) -> String {
        "POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: \(bytes + 1)\r\n\r\n" + String(repeating: " ", count: bytes)
    }

    @Test func bodiesOnTheirWayCount() async throws {
        var settings = ServerSettings.patient
        settings.requestMemoryBytes = 300_000
        try await Server.testLive(settings: settings) { client in
            let body = #"{"prompt": "\#(String(repeating: "x", count: 100_000))"}"#
            let first = try await RawConnection.open(client, sending: Self.unfinished(250_000))
            try await eventually { client.server.memoryInUse >= 250_000 }
            let second = try await RawConnection.open(client, sending: Self.unfinished(100_000))
            let refusal = try await second.rest()
            #expect(refusal.hasPrefix("HTTP/1.1 429 ") && refusal.contains("Retry-After: ") && refusal.contains("memory_full"))
            #expect(try await client.get("/metrics").text.contains("resa_request_memory_bytes 2"))
            await first.close()
            try await eventually { client.server.memoryInUse == 0 }
            #expect(try await client.post("/tokenize", #"{"prompt": "\#(String(repeating: "x", count: 1000))"}"#).status == 200)
            // What is made of it counts too.
            #expect(try await client.post("/tokenize", body).status == 413)
            try await eventually { client.server.memoryInUse == 0 }
        }
    }

    private static let prompts = "[" + Array(repeating: #""abcdefgh""#, count: 200).joined(separator: ",") + "]"
    private static let large: [(String, String)] = [
        (completionPath, #"{"prompt": \#(prompts), "max_tokens": 100, "logprobs": 5}"#),
        (completionPath, #"{"prompt": \#(prompts), "max_tokens": 0, "echo": true, "logprobs": 5}"#),
        (completionPath, #"{"prompt": "a", "n": 100, "max_tokens": 100, "logprobs": 20}"#),
        (chatPath, #"{"messages": [{"role": "user", "content": "a"}], "n": 100, "max_tokens": 100, "logprobs": true, "top_logprobs": 20}"#),
    ]

    @Test(arguments: large)
    func reportsThatCouldNeverFitAreRefused(_ path: String, _ body: String) async throws {
        let service = ScriptedService()
        var settings = ServerSettings.patient
        settings.requestMemoryBytes = 4 << 20
        try await Server.test(service, settings: settings) { client in
            let reply = try await client.post(path, body)
            #expect(reply.status == 413 && reply.error["code"]?.string == "request_too_large", "\(reply.text)")
            #expect(reply.errorMessage.contains("MiB") && reply.errorMessage.contains("--request-memory"))
            #expect(service.log.requests.isEmpty)
            #expect(client.server.memoryInUse == 0)
        }
        // The same request where there is room.
        try await Server.test { client in
            let reply = try await client.post(path, body)
            #expect(reply.status == 200)
            #expect(client.server.memoryInUse == 0)
        }
    }

    /// Latents count for each token that is read, and log-probabilities for each choice.
    @Test func reportsGrowWithTokensChoicesAndTop() {
        func cost(tokens: Int, choices: Int, logprobs: Int?, latents: Int?, prompt: Bool = false, streams: Bool = false) -> Int {
            var request = GenerationRequest(id: "a", prompt: [1, 2, 3, 4], stop: StopConditions(maxTokens: tokens))
            (request.choices, request.logprobs, request.observesPrompt) = (choices, logprobs, prompt)
            let applied = AppliedReport(
                name: "sae", digest: "sha256:0", kind: .sae, scale: 1, hookpoint: .residual(layer: 1), mode: .observe, edits: [],
                scope: nil, top: latents)
            return MemoryCost.reports(
                GenerationPlan(
                    id: "a", created: 0, model: "m", fingerprint: "f", requests: [request], choices: choices, applied: [applied],
                    streams: streams, includesUsage: false))
        }
        let plain = cost(tokens: 100, choices: 2, logprobs: nil, latents: nil)
        #expect(plain < 10_000)
        let some = cost(tokens: 100, choices: 2, logprobs: 5, latents: nil)
        #expect(some > 200 * 6 * 100)
        #expect(cost(tokens: 200, choices: 2, logprobs: 5, latents: nil) > 2 * some - 1000)
        #expect(cost(tokens: 100, choices: 4, logprobs: 5, latents: nil) > 2 * some - 1000)
        #expect(cost(tokens: 100, choices: 2, logprobs: nil, latents: 64) > 200 * 64 * 100)
        #expect(cost(tokens: 0, choices: 1, logprobs: nil, latents: 64, prompt: true) > 4 * 64 * 100)
        // What a stream reports goes out as it comes, but for the prompt's.
        #expect(cost(tokens: 100, choices: 2, logprobs: 5, latents: 64, streams: true) < 1000)
        #expect(cost(tokens: 100, choices: 1, logprobs: nil, latents: 64, prompt: true, streams: true) > 4 * 64 * 100)
    }

    @Test func reportsWaitForRoom() async throws {
        let service = ScriptedService(ending: .never)
        var settings = ServerSettings.patient
        settings.requestMemoryBytes = 3 << 19
        try await Server.testLive(service, settings: settings) { client in
            let body = #"{"prompt": "a", "n": 2, "max_tokens": 100, "logprobs": 10}"#
            let first = try await RawConnection.open(
                client, sending: "POST \(completionPath) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            try await eventually { service.log.requests.count == 1 }
            let reply = try await client.post(completionPath, body)
            #expect(reply.status == 429 && reply.headers[.retryAfter] != nil && reply.error["code"]?.string == "memory_full")
            await first.close()
            try await eventually { client.server.memoryInUse == 0 }
        }
    }

    /// Whatever becomes of requests, nothing stays counted.
    @Test func nothingStays() async throws {
        let service = ScriptedService(ending: .never)
        try await Server.testLive(service) { client in
            for (path, body) in [
                (completionPath, "{"), (completionPath, #"{"prompt": 5}"#), ("/detokenize", #"{"tokens": [1, 2]}"#),
                ("/tokenize", #"{"prompt": "a", "return_token_strs": true}"#), ("/v1/compare", "[]"), ("/nothing", "{}"),
            ] { _ = try await client.post(path, body) }
            for stream in ["true", "false"] {
                let body = #"{"prompt": "a", "max_tokens": 100, "logprobs": 2, "stream": \#(stream)}"#
                let connection = try await RawConnection.open(
                    client, sending: "POST \(completionPath) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                try await eventually { client.server.drain.inFlight == 1 }
                await connection.close()
                try await eventually { client.server.drain.inFlight == 0 }
            }
            try await eventually { client.server.memoryInUse == 0 }
        }
    }
}
