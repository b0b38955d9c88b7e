import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSONText
import Logging
import Testing

@testable import Server

/// What a test saw of a response.
struct Reply {
    let status: Int
    let headers: HTTPFields
    let text: String

    init(_ response: TestResponse) {
        status = response.status.code
        headers = response.headers
        text = String(buffer: response.body)
    }

    var json: JSON { (try? JSON(parsing: text)) ?? .null }
    var error: JSON { json["error"] ?? .null }
    var errorMessage: String { error["message"]?.string ?? "" }
    var choice: JSON { json["choices"]?[0] ?? .null }

    /// The data of each event of a stream, `[DONE]` left out.
    var chunks: [JSON] {
        get throws {
            try text.split(separator: "\n\n").filter { $0 != "data: [DONE]" }.map { event in
                try #require(event.hasPrefix("data: "))
                return try JSON(parsing: String(event.dropFirst(6)))
            }
        }
    }
}

extension ServerSettings {
    /// Never hurries a client: on a machine that is busy with other tests, any wait may take longer than a server in service would allow.
    /// Nor does it mind what it is called.
    static var patient: ServerSettings {
        var settings = ServerSettings()
        settings.allowedHosts = ["*"]
        (settings.idleSeconds, settings.bodySeconds, settings.drainSeconds) = (3600, 3600, 3600)
        return settings
    }
}

extension Server {
    /// A server over `service` with its routes exercised directly, without a connection.
    static func test(
        _ service: any InferenceService = ScriptedService(), settings: ServerSettings = .patient,
        _ body: @Sendable @escaping (Client) async throws -> Void
    ) async throws {
        try await run(service, settings, .router, body)
    }

    /// The same on a real port.
    static func testLive(
        _ service: any InferenceService = ScriptedService(), settings: ServerSettings = .patient,
        _ body: @Sendable @escaping (Client) async throws -> Void
    ) async throws {
        try await run(service, settings, .live, body)
    }

    private static func run(
        _ service: any InferenceService, _ settings: ServerSettings, _ setup: TestingSetup,
        _ body: @Sendable @escaping (Client) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = Server(service: service, settings: settings, logger: logger)
        try await server.application().test(setup) { client in try await body(Client(base: client, server: server)) }
    }
}

struct Client: Sendable {
    let base: any TestClientProtocol
    let server: Server

    func get(_ path: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.get, path, headers: headers)
    }

    func post(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.post, path, body: body, headers: headers)
    }

    func send(_ method: HTTPRequest.Method, _ path: String, body: String? = nil, headers: HTTPFields = [:]) async throws -> Reply {
        Reply(try await base.execute(uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }))
    }
}

let chatPath = "/v1/chat/completions"
let completionPath = "/v1/completions"
let adaptersHeader = HTTPField.Name("Resa-Adapters")!
let appliedHeader = HTTPField.Name("Resa-Applied")!
