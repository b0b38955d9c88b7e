import HTTPTypes
import JSONText
import Testing

@testable import AdapterRegistry
@testable import Engine
@testable import Server

/// The header, the field and the model name name adapters wherever something is generated or read, and errors say which did.
@Suite struct AdapterPlaceTests {
    private static let featuresPath = "/v1/features"
    private static let comparePath = "/v1/compare"
    private static let variants = #""prompt": "Hi", "variants": [[], ["math-lora"]]"#

    private static let routes = [
        (chatPath, #""messages": [{"role": "user", "content": "Hi"}]"#), (completionPath, #""prompt": "Hi""#),
        (featuresPath, #""prompt": "Hi""#),
    ]

    @Test func allThreeWaysAreHonoured() async throws {
        for (path, request) in Self.routes {
            let service = ScriptedService()
            try await Server.test(service) { client in
                let ways: [(fields: String, headers: HTTPFields, model: String)] = [
                    (#""model": "math-lora""#, [:], "math-lora"), (#""model": "scripted:math-lora""#, [:], "scripted:math-lora"),
                    (#""adapters": ["math-lora"]"#, [:], "scripted"), (#""model": "scripted""#, [adaptersHeader: "math-lora"], "scripted"),
                    (#""model": "math-lora""#, [adaptersHeader: "math-lora;scale=0.5"], "math-lora"),
                ]
                for way in ways {
                    let reply = try await client.post(path, "{\(request), \(way.fields)}", headers: way.headers)
                    #expect(reply.status == 200 && reply.json["model"]?.string == way.model, "\(path) \(way): \(reply.text)")
                    #expect(reply.headers[appliedHeader]?.contains("math-lora;") == true, "\(path) \(way)")
                }
            }
            #expect(service.log.resolved.map { $0.last?.name } == Array(repeating: "math-lora", count: 5))
            #expect(service.log.resolved.last?.last?.scale == 0.5)
        }
    }

    @Test(arguments: ["/v1/chat/completions", "/v1/completions", "/v1/features", "/v1/compare", "/tokenize", "/detokenize"])
    func namesThatNobodyServesAreRefused(_ path: String) async throws {
        let service = ScriptedService()
        let bodies = [
            chatPath: #""messages": [{"role": "user", "content": "Hi"}]"#, Self.comparePath: Self.variants,
            "/detokenize": #""tokens": [97]"#,
        ]
        let request = bodies[path] ?? #""prompt": "Hi""#
        try await Server.test(service) { client in
            for model in ["nope", "scripted:nope", "math-lor"] {
                let reply = try await client.post(path, #"{\#(request), "model": "\#(model)"}"#)
                #expect(reply.status == 404 && reply.error["param"] == "model", "\(reply.text)")
            }
            let header = try await client.post(path, "{\(request)}", headers: [adaptersHeader: "nope"])
            let field = try await client.post(path, #"{\#(request), "adapters": ["nope"]}"#)
            let wanted = path == Self.comparePath ? 400 : 404
            #expect(header.status == wanted && header.error["param"] == "Resa-Adapters", "\(header.text)")
            #expect(field.status == wanted && field.error["param"] == "adapters", "\(field.text)")
            let both = try await client.post(path, #"{\#(request), "adapters": ["r1-sae"]}"#, headers: [adaptersHeader: "math-lora"])
            #expect(both.status == 400, "\(both.text)")
            let misspelt = try await client.post(path, "{\(request)}", headers: [adaptersHeader: "math-lora;strength=2"])
            #expect(misspelt.status == 400 && misspelt.error["param"] == "Resa-Adapters")
        }
        #expect(service.log.requests.isEmpty)
    }

    @Test func tokensAreTheSameUnderAnyAdapter() async throws {
        try await Server.test { client in
            for fields in [#""model": "math-lora""#, #""model": "scripted""#, #""adapters": ["r1-sae"]"#] {
                #expect(try await client.post("/tokenize", #"{"prompt": "a", \#(fields)}"#).json["tokens"] == [256, 97])
                #expect(try await client.post("/detokenize", #"{"tokens": [97], \#(fields)}"#).json["prompt"] == "a")
            }
            let headed = try await client.post("/tokenize", #"{"prompt": "a"}"#, headers: [adaptersHeader: "math-lora;scale=0.3"])
            #expect(headed.status == 200)
        }
    }

    /// Every variant says all of its adapters.
    @Test func comparisonsNameAdaptersInVariantsOnly() async throws {
        try await Server.test { client in
            let ways: [(fields: String, headers: HTTPFields, param: String)] = [
                ("", [adaptersHeader: "r1-sae"], "Resa-Adapters"), ("", [adaptersHeader: ""], "Resa-Adapters"),
                (#", "adapters": ["r1-sae"]"#, [:], "adapters"), (#", "adapters": []"#, [:], "adapters"),
                (#", "model": "math-lora""#, [:], "model"), (#", "model": "scripted:r1-sae""#, [:], "model"),
            ]
            for way in ways {
                let reply = try await client.post(Self.comparePath, "{\(Self.variants)\(way.fields)}", headers: way.headers)
                #expect(reply.status == 400 && reply.error["param"]?.string == way.param, "\(way): \(reply.text)")
                #expect(reply.errorMessage.contains("variants"))
            }
            #expect(try await client.post(Self.comparePath, #"{\#(Self.variants), "model": "scripted"}"#).status == 200)
        }
    }

    /// What loads badly is blamed on the place that named it.
    @Test func errorsNameThePlace() async throws {
        try await Server.test { client in
            let cases: [(path: String, body: String, headers: HTTPFields, param: String)] = [
                (completionPath, #"{"prompt": "a", "adapters": ["torn"]}"#, [:], "adapters"),
                (completionPath, #"{"prompt": "a"}"#, [adaptersHeader: "torn"], "Resa-Adapters"),
                (completionPath, #"{"prompt": "a", "model": "torn"}"#, [:], "model"),
                (completionPath, #"{"prompt": "a", "adapters": [{"name": "r1-sae", "layer": 3}]}"#, [:], "adapters.layer"),
                (completionPath, #"{"prompt": "a"}"#, [adaptersHeader: "r1-sae;layer=3"], "Resa-Adapters"),
                (Self.comparePath, #"{"prompt": "a", "variants": [[], ["torn"]]}"#, [:], "variants[1].adapters"),
                (
                    Self.comparePath, #"{"prompt": "a", "variants": [{"adapters": [{"name": "r1-sae", "layer": 3}]}, []]}"#, [:],
                    "variants[0].adapters.layer"
                ),
                (completionPath, #"{"prompt": "a", "features": {"adapter": "nope"}}"#, [:], "features.adapter"),
                (Self.featuresPath, #"{"prompt": "a", "adapter": "nope"}"#, [:], "adapter"),
            ]
            for item in cases {
                let reply = try await client.post(item.path, item.body, headers: item.headers)
                #expect(reply.error["param"]?.string == item.param, "\(item): \(reply.text)")
            }
        }
    }

    @Test func errorsNameThePrompt() async throws {
        let long = String(repeating: "a", count: 250)
        let empty = ScriptedService(renders: { _ throws(ChatError) in "" })
        try await Server.test { client in
            for (path, extra) in [(Self.featuresPath, ""), (Self.comparePath, #", "variants": [[], []]"#), (completionPath, "")] {
                let reply = try await client.post(path, #"{"prompt": "\#(long)"\#(extra)}"#)
                #expect(reply.error["param"] == "prompt" && reply.error["code"] == "context_length_exceeded", "\(reply.text)")
            }
        }
        let talkative = ScriptedService(renders: { _ throws(ChatError) in long })
        try await Server.test(talkative) { client in
            for (path, extra) in [(Self.featuresPath, ""), (Self.comparePath, #", "variants": [[], []]"#), (chatPath, "")] {
                let reply = try await client.post(path, #"{"messages": [{"role": "user", "content": "a"}]\#(extra)}"#)
                #expect(reply.error["param"] == "messages" && reply.error["code"] == "context_length_exceeded", "\(reply.text)")
            }
        }
        try await Server.test(empty) { client in
            let reply = try await client.post(Self.featuresPath, #"{"messages": [{"role": "user", "content": "a"}]}"#)
            #expect(reply.status == 400 && reply.error["param"] == "messages")
        }
    }

    @Test func theEnginesErrorsUseTheRequestsNames() {
        let settings = ServerSettings()
        let names = FieldNames(prompt: "messages", maxTokens: "max_completion_tokens", adapters: "Resa-Adapters")
        func param(_ error: EngineError) -> String? { APIError(error, names: names, settings: settings, waitSeconds: 0).param }
        #expect(param(.promptEmpty) == "messages" && param(.promptTooLong(tokens: 5, limit: 4)) == "messages")
        #expect(param(.tooManyTokens(prompt: 2, wanted: 5, limit: 4)) == "max_completion_tokens")
        #expect(param(.nothingInScope(adapter: "a", scope: "all", problem: "")) == "Resa-Adapters")
        #expect(
            APIError(.nothingInScope(adapter: "a", scope: "all", problem: ""), names: FieldNames(), settings: settings, waitSeconds: 0)
                .param == "adapters.scope")
    }
}
