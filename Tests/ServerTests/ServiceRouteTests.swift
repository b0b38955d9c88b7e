import HTTPTypes
import JSONText
import Testing

@testable import Server

/// Everything that is not a generation: models, adapters, tokens, health, metrics, keys, ids, methods.
@Suite struct ServiceRouteTests {
    @Test func modelsListTheBaseAndUsableAdapters() async throws {
        try await Server.test { client in
            let models = try #require(try await client.get("/v1/models").json["data"]?.array)
            #expect(models.map { $0["id"] } == ["scripted", "math-lora", "r1-sae"])
            #expect(models.map { $0["parent"] } == [.null, "scripted", "scripted"])
            #expect(models[0]["max_model_len"]?.int == 200)
            #expect(
                models[0]["resa"] == ["digest": "sha256:5c", "fingerprint": "fp_scripted"] && models[2]["resa"]?["digest"] == "sha256:bb")
            for (path, id) in [
                ("scripted", "scripted"), ("r1-sae", "r1-sae"), ("scripted:r1-sae", "scripted:r1-sae"),
                ("scripted%3Ar1-sae", "scripted:r1-sae"),
                ("r1-sae:latest", "r1-sae:latest"), ("scripted:math-lora:latest", "scripted:math-lora:latest"),
            ] {
                let model = try await client.get("/v1/models/\(path)")
                #expect(model.status == 200 && model.json["id"]?.string == id, "\(path): \(model.text)")
            }
            let missing = try await client.get("/v1/models/r1-sea")
            #expect(missing.status == 404 && missing.errorMessage.contains("r1-sae"))
            #expect(missing.error["code"]?.string == "model_not_found")
        }
    }

    @Test func adaptersTellWhatTheyAre() async throws {
        try await Server.test { client in
            let adapters = try #require(try await client.get("/v1/adapters").json["data"]?.array)
            #expect(adapters.map { $0["name"] } == ["math-lora", "r1-sae", "torn"])
            #expect(
                adapters[1]["hookpoints"] == ["layers.12"] && adapters[1]["digest"] == "sha256:bb"
                    && adapters[1]["labels"] == ["7": "doubt"])
            #expect(adapters[2]["state"] == "error" && adapters[2]["error"]?.string?.contains("missing") == true)
            #expect(try await client.get("/v1/adapters/math-lora").json["rank"]?.int == 8)
            let missing = try await client.get("/v1/adapters/math-lor")
            #expect(missing.status == 404 && missing.errorMessage.contains("'math-lora'"))
        }
    }

    @Test func adaptersAreAppliedAndReported() async throws {
        let service = ScriptedService()
        try await Server.test(service) { client in
            let header: HTTPFields = [adaptersHeader: "r1-sae;latent=7;op=add;value=6"]
            let reply = try await client.post(completionPath, #"{"prompt": "a"}"#, headers: header)
            #expect(reply.headers[appliedHeader] == #"r1-sae;digest="sha256:bb";kind=sae;scale=1.0;mode=edit;layer=12;at=resid;edits=1"#)
            let applied: JSON = [
                [
                    "name": "r1-sae", "digest": "sha256:bb", "kind": "sae", "scale": 1.0, "hookpoint": "layers.12", "mode": "edit",
                    "edits": [["latent": 7, "op": "add", "value": 6.0]],
                ]
            ]
            #expect(reply.json["resa"]?["applied"] == applied)
            let streamed = try await client.post(
                chatPath, #"{"messages": [{"role": "user", "content": "a"}], "stream": true}"#, headers: header)
            #expect(try streamed.chunks[0]["resa"]?["applied"] == applied && streamed.headers[appliedHeader] != nil)
            for model in ["math-lora", "scripted:math-lora"] {
                let named = try await client.post(completionPath, #"{"prompt": "a", "model": "\#(model)"}"#)
                #expect(named.json["model"]?.string == model && named.json["resa"]?["applied"]?[0]?["name"] == "math-lora")
            }
        }
        #expect(service.log.resolved.last?.map(\.name) == ["math-lora"])
    }

    @Test(arguments: [
        (#""model": "gpt-17""#, "", 404, "model_not_found"), (#""model": "scripted:math-lor""#, "", 404, "model_not_found"),
        (#""adapters": ["math-lor"]"#, "", 404, "adapter_not_found"), ("", "math-lor", 404, "adapter_not_found"),
        (#""adapters": ["torn"]"#, "", 422, "adapter_unusable"), ("", "r1-sae;layer=3", 400, ""),
        (#""model": "math-lora""#, "r1-sae", 400, ""),
        (#""adapters": ["math-lora"]"#, "r1-sae", 400, ""),
    ]) func adaptersThatCannotBeApplied(_ fields: String, _ header: String, _ status: Int, _ code: String) async throws {
        try await Server.test { client in
            let headers: HTTPFields = header.isEmpty ? [:] : [adaptersHeader: header]
            let body = #"{"prompt": "a"\#(fields.isEmpty ? "" : ", " + fields)}"#
            let reply = try await client.post(completionPath, body, headers: headers)
            #expect(reply.status == status && reply.error["code"]?.string ?? "" == code, "\(reply.text)")
            if status == 404, fields != #""model": "gpt-17""# { #expect(reply.errorMessage.contains("math-lora")) }
        }
    }

    @Test func observationsComeWithTheirTokens() async throws {
        try await Server.test { client in
            let observation: JSON = [
                "adapter": "r1-sae", "hookpoint": "layers.12", "token": 72, "text": "H", "position": 0,
                "latents": [["latent": 7, "activation": 2.5]],
            ]
            let chunks = try await client.post(
                completionPath, #"{"prompt": "H", "observe_prompt": true, "stream": true, "add_special_tokens": false}"#
            ).chunks
            #expect(chunks[0]["resa"]?["prompt_observations"] == [observation])
            #expect(chunks[1]["resa"]?["observations"] == [observation])
            let whole = try await client.post(completionPath, #"{"prompt": "H", "observe_prompt": true, "add_special_tokens": false}"#)
            #expect(whole.choice["resa"]?["prompt_observations"] == [observation])
        }
    }

    @Test func tokenizeAndDetokenize() async throws {
        let cases: [(path: String, body: String, key: String, value: JSON)] = [
            ("/tokenize", #"{"prompt": "ab"}"#, "tokens", [256, 97, 98]), ("/tokenize", #"{"prompt": "ab"}"#, "count", 3),
            ("/tokenize", #"{"prompt": "ab"}"#, "max_model_len", 200),
            ("/tokenize", #"{"content": "ab", "add_special_tokens": false}"#, "tokens", [97, 98]),
            ("/tokenize", #"{"messages": [{"role": "user", "content": "a"}]}"#, "tokens", [49, 124]),
            ("/tokenize", #"{"prompt": "a", "return_token_strs": true}"#, "token_strs", ["<s>", "a"]),
            ("/detokenize", #"{"tokens": [97, 98]}"#, "prompt", "ab"), ("/detokenize", #"{"tokens": [97, 98]}"#, "content", "ab"),
        ]
        try await Server.test { client in
            for item in cases {
                let reply = try await client.post(item.path, item.body)
                #expect(reply.json[item.key] == item.value, "\(reply.text)")
            }
        }
    }

    @Test(arguments: [
        ("/tokenize", "{}"), ("/tokenize", #"{"prompt": 5}"#), ("/detokenize", "{}"), ("/detokenize", #"{"tokens": [257]}"#),
        ("/detokenize", #"{"tokens": "a"}"#),
    ]) func refusesWhatHasNoTokens(_ path: String, _ body: String) async throws {
        try await Server.test { client in
            let reply = try await client.post(path, body)
            #expect(reply.status == 400 && reply.error["param"]?.string?.isEmpty == false)
        }
    }

    @Test func keysAreAskedForEverywhereButAtHealth() async throws {
        var settings = ServerSettings.patient
        settings.apiKeys = ["s3cret", "other"]
        try await Server.test(settings: settings) { client in
            for key in ["Bearer s3cret", "bearer other"] {
                #expect(try await client.get("/v1/models", headers: [.authorization: key]).status == 200)
            }
            for key in ["s3cret", "other"] {
                #expect(try await client.get("/v1/models", headers: [APIKeyMiddleware.header: key]).status == 200)
                // Clients that must send some Authorization send a placeholder.
                let both: HTTPFields = [.authorization: "Bearer none", APIKeyMiddleware.header: key]
                #expect(try await client.get("/v1/models", headers: both).status == 200)
            }
            for key in ["s3cre", "Bearer s3cret", ""] {
                let reply = try await client.get("/v1/models", headers: [APIKeyMiddleware.header: key])
                #expect(reply.status == 401 && reply.error["code"] == "invalid_api_key")
            }
            for key in ["Bearer s3cre", "Bearer s3crett", "Basic s3cret", "s3cret", "Bearer", "Bearer "] {
                let reply = try await client.get("/v1/models", headers: [.authorization: key])
                #expect(reply.status == 401 && reply.error["code"]?.string == "invalid_api_key")
            }
            #expect(try await client.get("/metrics").status == 401)
            #expect(try await client.get("/nothing").status == 401)
            for path in ["/health", "/v1/health", "/ping", "/v1/ping"] { #expect(try await client.get(path).status == 200) }
            for path in ["/version", "/models", "/healthy", "/v1/pings"] { #expect(try await client.get(path).status == 401) }
        }
    }

    /// Clients are given the base address with `/v1` or without.
    @Test func everyRouteAnswersWithAndWithoutItsPrefix() async throws {
        let chat = #"{"messages": [{"role": "user", "content": "a"}]}"#
        try await Server.test { client in
            for prefix in ["", "/v1"] {
                let completion = try await client.post(prefix + "/completions", #"{"prompt": "a"}"#)
                #expect(completion.json["object"] == "text_completion")
                #expect(try await client.post(prefix + "/chat/completions", chat).json["object"] == "chat.completion")
                #expect(try await client.get(prefix + "/models").json["object"] == "list")
                #expect(try await client.get(prefix + "/models/r1-sae").json["id"] == "r1-sae")
                #expect(try await client.post(prefix + "/tokenize", #"{"prompt": "a"}"#).json["count"] == 2)
                #expect(try await client.get(prefix + "/ping").status == 200)
                #expect(try await client.post(prefix + "/ping", "").status == 200)
                #expect(try await client.get(prefix + "/version").json["version"]?.string == ResaVersion.current)
                #expect(try await client.send(.delete, prefix + "/chat/completions").headers[.allow] == "POST, OPTIONS")
            }
        }
    }

    @Test func requestIDsAreEchoedOrMade() async throws {
        try await Server.test { client in
            let name = HTTPField.Name("x-request-id")!
            let echoed = try await client.get("/health", headers: [name: "abc-1"])
            #expect(echoed.headers[name] == "abc-1")
            #expect(try await client.get("/nothing").headers[name]?.hasPrefix("req-") == true)
            let long = String(repeating: "a", count: 129)
            #expect(try await client.get("/health", headers: [name: long]).headers[name] != long)
        }
    }

    @Test func unknownPathsAndMethods() async throws {
        try await Server.test { client in
            let missing = try await client.get("/v1/nothing")
            #expect(missing.status == 404 && missing.error["code"]?.string == "unknown_url")
            let wrong = try await client.send(.delete, "/v1/chat/completions")
            #expect(wrong.status == 405 && wrong.headers[.allow] == "POST, OPTIONS")
            #expect(try await client.send(.head, "/health").status == 200)
            #expect(try await client.send(.options, "/v1/models/x").status == 204)
        }
    }

    @Test func metricsCountWhatHappened() async throws {
        try await Server.test { client in
            _ = try await client.post(completionPath, #"{"prompt": "ab"}"#, headers: [adaptersHeader: "math-lora"])
            _ = try await client.get("/made-up")
            let text = try await client.get("/metrics").text
            for line in [
                #"resa_http_requests_total{method="POST",route="/v1/completions",status="200"} 1"#,
                #"resa_http_requests_total{method="GET",route="NotFound",status="404"} 1"#, "resa_prompt_tokens_total 3",
                "resa_completion_tokens_total 2", #"resa_adapter_requests_total{adapter="math-lora"} 1"#, "resa_generations_in_flight 0",
                "resa_time_to_first_token_seconds_count 1", "resa_engine_running_sequences 0",
            ] { #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)") }
            #expect(!text.contains("made-up"))
            for method in ["BREW", "MKCOL", "PURGE"] {
                _ = try await client.send(try #require(HTTPRequest.Method(rawValue: method)), "/v1/completions")
            }
            let more = try await client.get("/metrics").text
            #expect(more.contains(#"method="other",route="#) && !more.contains("BREW") && !more.contains("PURGE"))
        }
    }

    @Test func bodiesThatCannotBeRead() async throws {
        var settings = ServerSettings.patient
        settings.maxBodyBytes = 100
        try await Server.test(settings: settings) { client in
            let large = try await client.post(completionPath, #"{"prompt": "\#(String(repeating: "a", count: 100))"}"#)
            #expect(large.status == 413 && large.error["code"]?.string == "body_too_large")
            for body in ["", "{", "null", "[]", "5"] {
                let reply = try await client.post(completionPath, body)
                #expect(reply.status == 400 && reply.error["code"]?.string == "invalid_json")
            }
            #expect(try await client.post(completionPath, "{}", headers: [.contentEncoding: "gzip"]).status == 400)
        }
    }
}
