import HTTPTypes
import Testing

@testable import Server

/// What web pages may do to a server that their visitor's browser can reach.
@Suite struct BrowserTests {
    private static let page = "https://page.example"
    private static let fetchSite = HTTPField.Name("sec-fetch-site")!

    private func settings(
        host: String = "127.0.0.1", hosts: [String] = [], origins: [String] = [], keys: [String] = []
    ) -> ServerSettings {
        var settings = ServerSettings.patient
        (settings.host, settings.allowedHosts, settings.allowedOrigins, settings.apiKeys) = (host, hosts, origins, keys)
        return settings
    }

    private func code(_ settings: ServerSettings, _ authority: String?, _ headers: HTTPFields = [:], method: HTTPRequest.Method = .post)
        -> String?
    {
        BrowserGuard(settings: settings).refusal(method, authority: authority, headers)?.code
    }

    // MARK: - Host

    @Test(arguments: [
        "localhost", "LOCALHOST:8080", "localhost.", "a.localhost:1", "127.0.0.1", "127.0.0.1:8080", "127.8.7.6:1", "[::1]", "[::1]:8080",
        "[::ffff:127.0.0.1]:1", "0.0.0.0:8080", "[::]:8080", "",
    ])
    func namesOfThisMachineAreAnswered(_ authority: String) {
        for host in ["127.0.0.1", "localhost", "::1", "127.0.0.2"] { #expect(code(settings(host: host), authority) == nil) }
        #expect(code(settings(), nil) == nil)
    }

    /// A page's own name may have been made to mean this machine.
    @Test(arguments: [
        "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example:80", "evil-localhost", "128.0.0.1",
        "0.0.0.1",
        "[::2]:80", "localhost@evil.example", "127.0.0.1:80:80", "localhost:x", "[::1]evil", "[::1", "127.1", "2130706433",
    ])
    func otherNamesAreNot(_ authority: String) {
        #expect(code(settings(), authority) == "host_not_allowed" && code(settings(), authority, method: .get) == "host_not_allowed")
        #expect(code(settings(host: "0.0.0.0"), authority) == nil, "nobody knows what others call this machine")
        #expect(code(settings(hosts: ["*"]), authority) == nil)
    }

    @Test func namesThatTheOperatorAllows() {
        let named = settings(hosts: ["gpu.lan", "Models.Example:443"])
        for authority in ["gpu.lan", "GPU.lan:8080", "models.example", "127.0.0.1:8080"] { #expect(code(named, authority) == nil) }
        for authority in ["lan", "x.gpu.lan"] { #expect(code(named, authority) == "host_not_allowed") }
        // Who names names means them, wherever the server listens.
        let open = settings(host: "0.0.0.0", hosts: ["gpu.lan"])
        #expect(code(open, "gpu.lan") == nil && code(open, "evil.example") == "host_not_allowed")
        #expect(code(settings(host: "192.0.2.1", hosts: ["gpu.lan"]), "192.0.2.1:80") == nil)
    }

    // MARK: - Origin

    @Test(arguments: [
        "https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1", "file://", "chrome-extension://abc", "",
    ])
    func pagesOfElsewhereAreRefused(_ origin: String) {
        #expect(code(settings(), "127.0.0.1:8080", [.origin: origin]) == "origin_not_allowed")
        #expect(code(settings(origins: [Self.page]), "127.0.0.1:8080", [.origin: origin], method: .get) == "origin_not_allowed")
        #expect(code(settings(origins: [Self.page, origin]), "127.0.0.1:8080", [.origin: origin]) == nil)
        #expect(code(settings(origins: ["*"]), "127.0.0.1:8080", [.origin: origin]) == nil)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"), ("http://LocalHost", "localhost:80"), ("https://localhost:443", "localhost"),
        ("http://[::1]:8080", "[::1]:8080"),
    ])
    func theServersOwnPagesAreNot(_ origin: String, _ authority: String) {
        #expect(code(settings(), authority, [.origin: origin]) == nil)
    }

    @Test func crossSitePostsWithoutOriginAreRefused() {
        for site in ["cross-site", "same-site"] {
            #expect(code(settings(), "localhost", [Self.fetchSite: site]) == "origin_not_allowed")
            #expect(code(settings(), "localhost", [Self.fetchSite: site], method: .get) == nil, "a link may be followed")
        }
        #expect(code(settings(), "localhost", [Self.fetchSite: "same-origin", .contentType: "application/json"]) == nil)
    }

    // MARK: - Bodies

    @Test(arguments: ["text/plain", "Text/Plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
    func browsersPostJSONAsJSON(_ type: String) {
        let ours: HTTPFields = [.origin: "http://localhost", .contentType: type]
        #expect(code(settings(), "localhost", ours) == "unsupported_media_type")
        #expect(code(settings(), "localhost", [Self.fetchSite: "same-origin", .contentType: type]) == "unsupported_media_type")
        #expect(code(settings(origins: [Self.page]), "localhost", [.origin: Self.page, .contentType: type]) == "unsupported_media_type")
        // `curl -d` says that it sends a form.
        #expect(code(settings(), "localhost", [.contentType: type]) == nil)
    }

    @Test func refusalsCostNothing() async throws {
        let service = ScriptedService()
        try await Server.test(service, settings: settings()) { client in
            for headers: HTTPFields in [
                [.origin: "https://evil.example", .contentType: "text/plain"], [.origin: "null"], [Self.fetchSite: "cross-site"],
                [.origin: "http://localhost", .contentType: "text/plain"],
            ] {
                let reply = try await client.post(completionPath, #"{"prompt": "a"}"#, headers: headers)
                #expect([403, 415].contains(reply.status) && !reply.errorMessage.isEmpty)
                #expect(reply.headers[.accessControlAllowOrigin] == nil)
            }
        }
        #expect(service.log.requests.isEmpty)
    }

    @Test func loadBalancersAskByAnyName() async throws {
        try await Server.test(settings: settings(hosts: ["gpu.lan"])) { client in
            let page: HTTPFields = [.origin: "https://evil.example"]
            for path in ["/health", "/v1/ping"] { #expect(try await client.get(path, headers: page).status == 200) }
            let models = try await client.get("/models", headers: page)
            #expect(models.status == 403)
        }
    }

    // MARK: - CORS

    @Test func browsersAreToldWhatTheyAskAbout() async throws {
        try await Server.test(settings: settings(origins: [Self.page, "https://other.example"], keys: ["k"])) { client in
            for (asked, answered) in [
                (
                    "authorization,content-type,x-stainless-lang,x-stainless-retry-count",
                    "authorization, content-type, x-stainless-lang, x-stainless-retry-count"
                ),
                ("resa-adapters", "resa-adapters"), ("x-anything , x-api-key", "x-anything, x-api-key"), ("b\"ad, fine", "fine"),
            ] {
                let preflight = try await client.send(
                    .options, completionPath,
                    headers: [.origin: Self.page, .accessControlRequestMethod: "POST", .accessControlRequestHeaders: asked])
                #expect(preflight.status == 204 && preflight.headers[.accessControlAllowOrigin] == Self.page)
                #expect(preflight.headers[.accessControlAllowHeaders] == answered)
                #expect(preflight.headers[.accessControlAllowMethods]?.contains("POST") == true)
                #expect(preflight.headers[.accessControlMaxAge] == "7200")
                #expect(preflight.headers[.vary] == "Origin, Access-Control-Request-Headers")
            }
            let plain = try await client.send(.options, "/v1/models", headers: [.origin: Self.page])
            #expect(plain.headers[.accessControlAllowHeaders]?.contains("Resa-Adapters") == true)
        }
    }

    @Test func pagesMayReadTheirAnswers() async throws {
        try await Server.test(settings: settings(origins: [Self.page], keys: ["k"])) { client in
            let refused = try await client.get("/v1/models", headers: [.origin: Self.page])
            #expect(refused.status == 401 && refused.headers[.accessControlAllowOrigin] == Self.page)
            let answer = try await client.get("/v1/models", headers: [.origin: Self.page, .authorization: "Bearer k"])
            #expect(answer.status == 200 && answer.headers[.accessControlAllowOrigin] == Self.page && answer.headers[.vary] == "Origin")
            #expect(answer.headers[.accessControlExposeHeaders]?.contains("Resa-Applied") == true)
            // Kept answers must not go to a page of another origin.
            let program = try await client.get("/v1/models", headers: [.authorization: "Bearer k"])
            #expect(program.headers[.vary] == "Origin" && program.headers[.accessControlAllowOrigin] == nil)
            let stranger = try await client.send(
                .options, completionPath, headers: [.origin: "https://evil.example", .accessControlRequestMethod: "POST"])
            #expect(stranger.status == 403 && stranger.headers[.accessControlAllowOrigin] == nil)
        }
        try await Server.test(settings: settings(origins: ["*"])) { client in
            let answer = try await client.get("/v1/models", headers: [.origin: "https://any.example"])
            #expect(answer.headers[.accessControlAllowOrigin] == "*" && answer.headers[.vary] == nil)
        }
        try await Server.test(settings: settings()) { client in
            let answer = try await client.get("/v1/models")
            #expect(answer.status == 200 && answer.headers[.accessControlAllowOrigin] == nil && answer.headers[.vary] == nil)
        }
    }
}
