import Foundation
import JSONText
import Synchronization
import Testing

@testable import Server

/// Long work of some holds up nobody else. Nothing here measures time: the long work waits for the end of the test.
@Suite(.serialized) struct WorkLaneTests {
    /// Where long work stands until it is let on.
    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)
        let waiting = Atomic<Int>(0)

        func wait() {
            waiting.add(1, ordering: .relaxed)
            semaphore.wait()
            semaphore.signal()
        }

        func open() { semaphore.signal() }
    }

    private static let long = String(repeating: "long ", count: 100_000)
    private static let requests: [(String, String)] = [
        ("/tokenize", #"{"prompt": "\#(long)"}"#),
        ("/tokenize", #"{"messages": [{"role": "user", "content": "\#(long)"}]}"#),
        ("/detokenize", #"{"tokens": [\#(Array(repeating: "1", count: 200_000).joined(separator: ","))]}"#),
        ("/v1/completions", #"{"max_tokens": 1, "prompt": "\#(long)"}"#),
        ("/v1/chat/completions", #"{"max_tokens": 1, "messages": [{"role": "user", "content": "\#(long)"}]}"#),
    ]

    @Test(.timeLimit(.minutes(60)), arguments: requests)
    func othersAreAnsweredWhileLongWorkGoesOn(_ path: String, _ body: String) async throws {
        let gate = Gate()
        let service = ScriptedService(
            encoding: { if $0.utf8.count > 1000 { gate.wait() } },
            decoding: { tokens in
                if tokens.count > 1000 { gate.wait() }
                return "text"
            },
            renders: { chat throws(ChatError) in
                gate.wait()
                return "rendered"
            })
        try await Server.testLive(service) { client in
            // More than there are threads, of lanes and of Swift's own.
            let busy = ProcessInfo.processInfo.activeProcessorCount + 4
            var connections: [RawConnection] = []
            for _ in 0..<busy {
                connections.append(
                    try await RawConnection.open(
                        client,
                        sending:
                            "POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"))
            }
            try await eventually { gate.waiting.load(ordering: .relaxed) == ServerSettings().workThreads }
            #expect(try await client.get("/health").status == 200)
            #expect(try await client.get("/metrics").status == 200)
            #expect(try await client.post("/tokenize", #"{"prompt": "short"}"#).status == 200)
            #expect(try await client.post("/tokenize", #"{"prompt": "\#(String(repeating: "x", count: 900))"}"#).status == 200)
            #expect(gate.waiting.load(ordering: .relaxed) == ServerSettings().workThreads)
            gate.open()
            for connection in connections { #expect(try await connection.rest().hasPrefix("HTTP/1.1 ")) }
        }
    }

    /// A body of middling length does not stand behind those of great length.
    @Test(.timeLimit(.minutes(60)))
    func middlingWorkDoesNotWaitForLongWork() async throws {
        let gate = Gate()
        let service = ScriptedService(encoding: { if $0.utf8.count > 300_000 { gate.wait() } })
        try await Server.testLive(service) { client in
            let body = Self.requests[0].1
            var connections: [RawConnection] = []
            for _ in 0..<8 {
                connections.append(
                    try await RawConnection.open(
                        client, sending: "POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"))
            }
            try await eventually { gate.waiting.load(ordering: .relaxed) > 0 }
            let reply = try await client.post("/tokenize", #"{"prompt": "\#(String(repeating: "x", count: 50_000))"}"#)
            #expect(reply.json["count"]?.int == 50_001)
            gate.open()
            for connection in connections { await connection.close() }
        }
    }

    @Test func textsAndListsHaveALimit() async throws {
        var settings = ServerSettings.patient
        (settings.maxTextBytes, settings.maxTokenIDs) = (10, 10)
        try await Server.test(settings: settings) { client in
            let ids = "[1,2,3,4,5,6,7,8,9,10,11]"
            for (path, body, param, code) in [
                ("/tokenize", #"{"prompt": "12345678901"}"#, "prompt", "text_too_long"),
                ("/detokenize", #"{"tokens": \#(ids)}"#, "tokens", "too_many_tokens"),
                (completionPath, #"{"prompt": "12345678901"}"#, "prompt", "text_too_long"),
                (completionPath, #"{"prompt": ["a", "12345678901"]}"#, "prompt", "text_too_long"),
                (completionPath, #"{"prompt": \#(ids)}"#, "prompt", "too_many_tokens"),
                (completionPath, #"{"prompt": [[1], \#(ids)]}"#, "prompt[1]", "too_many_tokens"),
                (completionPath, #"{"prompt": "a", "stop_token_ids": \#(ids)}"#, "stop_token_ids", "too_many_tokens"),
                ("/v1/compare", #"{"prompt": "12345678901", "variants": [[], ["math-lora"]]}"#, "prompt", "text_too_long"),
                ("/v1/features", #"{"prompt": "12345678901"}"#, "prompt", "text_too_long"),
            ] {
                let reply = try await client.post(path, body)
                #expect(
                    reply.status == 400 && reply.error["param"]?.string == param && reply.error["code"]?.string == code, "\(path) \(body)")
            }
            #expect(try await client.post("/tokenize", #"{"prompt": "1234567890"}"#).status == 200)
            #expect(try await client.post("/detokenize", #"{"tokens": [1,2,3,4,5,6,7,8,9,10]}"#).status == 200)
        }
    }
}
