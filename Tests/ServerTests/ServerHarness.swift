import Curl
import HTTPTypes
import Hummingbird
import JSONText
import Logging
import NIOCore
import NIOEmbedded
import ServiceLifecycle
import Synchronization
import Testing

@testable import Server

/// What a test saw of a response.
struct Reply {
    let status: Int
    let headers: HTTPFields
    let text: String

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
        let server = Server(service: service, settings: settings, logger: quietLogger)
        try await body(Client(server: server, caller: RouteCaller(responder: try await server.application().responder)))
    }

    /// The same on a real port.
    static func testLive(
        _ service: any InferenceService = ScriptedService(), settings: ServerSettings = .patient,
        _ body: @Sendable @escaping (Client) async throws -> Void
    ) async throws {
        var settings = settings
        (settings.host, settings.port) = ("localhost", 0)
        let server = Server(service: service, settings: settings, logger: quietLogger)
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [server.application(onListening: { port in listening.yield(port) })], logger: quietLogger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { listening.finish() }
                try await services.run()
            }
            guard let port = await ports.first(where: { _ in true }) else { return try await group.waitForAll() }
            // One connection, so that a test sees whether it stays open.
            let client = CurlClient(connections: 1)
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(Client(server: server, caller: PortCaller(client: client, port: port))))
            } catch {
                result = .failure(error)
            }
            await client.shutdown()
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            try result.get()
        }
    }

    private static var quietLogger: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}

/// How a test's request reaches the server.
protocol Caller: Sendable {
    func call(_ method: HTTPRequest.Method, _ path: String, headers: HTTPFields, body: String?) async throws -> Reply
}

/// Hands requests to the routes.
private struct RouteCaller<Responder: HTTPResponder>: Caller
where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
    let responder: Responder

    func call(_ method: HTTPRequest.Method, _ path: String, headers: HTTPFields, body: String?) async throws -> Reply {
        var headers = headers
        if let body { headers[.contentLength] = "\(body.utf8.count)" }
        let pieces = AsyncStream<ByteBuffer> { source in
            var rest = ByteBuffer(string: body ?? "")
            while rest.readableBytes > 0, let piece = rest.readSlice(length: min(32 << 10, rest.readableBytes)) { source.yield(piece) }
            source.finish()
        }
        let request = Request(
            head: HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path, headerFields: headers),
            body: RequestBody(asyncSequence: pieces))
        let context = Responder.Context(
            source: ApplicationRequestContextSource(channel: NIOAsyncTestingChannel(), logger: Logger(label: "test")))
        let response = try await responder.respond(to: request, context: context)
        let written = Written()
        try await response.body.write(written)
        return Reply(status: response.status.code, headers: response.headers, text: written.text)
    }

    private final class Written: ResponseBodyWriter, Sendable {
        private let bytes = Mutex(ByteBuffer())
        var text: String { bytes.withLock { String(buffer: $0) } }

        func write(_ buffer: ByteBuffer) async throws { _ = bytes.withLock { $0.writeImmutableBuffer(buffer) } }
        func finish(_ trailers: HTTPFields?) async throws {}
    }
}

/// Sends requests to a port.
private final class PortCaller: Caller {
    let client: CurlClient
    let port: Int
    let connectionsOpened = Atomic(0)

    init(client: CurlClient, port: Int) { (self.client, self.port) = (client, port) }

    func call(_ method: HTTPRequest.Method, _ path: String, headers: HTTPFields, body: String?) async throws -> Reply {
        let request = CurlRequest(
            method.rawValue, "http://localhost:\(port)\(path)", headers: headers.map { ($0.name.rawName, $0.value) },
            body: body.map { Array($0.utf8) }, timeout: .seconds(3600))
        let response = try await client.fetch(request)
        connectionsOpened.wrappingAdd(response.connectionsOpened, ordering: .relaxed)
        var fields = HTTPFields()
        for (name, value) in response.head.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return Reply(status: response.head.status, headers: fields, text: String(decoding: response.body, as: UTF8.self))
    }
}

struct Client: Sendable {
    let server: Server
    let caller: any Caller
    /// Of a live server.
    var port: Int? { (caller as? PortCaller)?.port }
    /// By requests to a live server so far.
    var connectionsOpened: Int { (caller as? PortCaller)?.connectionsOpened.load(ordering: .relaxed) ?? 0 }

    func get(_ path: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.get, path, headers: headers)
    }

    func post(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.post, path, body: body, headers: headers)
    }

    func send(_ method: HTTPRequest.Method, _ path: String, body: String? = nil, headers: HTTPFields = [:]) async throws -> Reply {
        try await caller.call(method, path, headers: headers, body: body)
    }
}

let chatPath = "/v1/chat/completions"
let completionPath = "/v1/completions"
let adaptersHeader = HTTPField.Name("Resa-Adapters")!
let appliedHeader = HTTPField.Name("Resa-Applied")!
