import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on the loopback interface whose answers a test writes down step by step.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        case head(Int, [(String, String)] = [])
        case write(String)
        case wait(TimeAmount)
        /// Goes on when so many generations have been asked for.
        case hold(until: Int)
        case end
        /// Closes the connection, in the middle of whatever was said.
        case hangUp
    }

    struct Request: Sendable {
        let method: HTTPMethod
        let path: String
        let headers: HTTPHeaders
        let body: String
        /// How many requests to this path came before.
        let index: Int
    }

    typealias Script = @Sendable (Request) -> [Step]

    private let channel: any Channel
    private let seen = Mutex<[Request]>([])
    private let script: Script
    let url: String

    /// Runs `body` with a server that answers by `script`. Where that has no steps, there is a list of two models, and 404 elsewhere.
    static func with<Result>(_ script: @escaping Script, _ body: (ScriptedServer) async throws -> Result) async throws -> Result {
        let holder = Mutex<ScriptedServer?>(nil)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(
                            answer: { request in holder.withLock { $0 }?.steps(for: request) ?? [.hangUp] },
                            asked: { holder.withLock { $0 }?.generations.count ?? 0 }))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = ScriptedServer(channel, script)
        holder.withLock { $0 = server }
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private init(_ channel: any Channel, _ script: @escaping Script) {
        self.channel = channel
        self.script = script
        url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    /// The generations asked for.
    var generations: [Request] { seen.withLock { $0.filter { $0.path.hasSuffix("completions") } } }

    private func steps(for request: Request) -> [Step] {
        let request = seen.withLock { seen in
            let index = seen.count { $0.path == request.path }
            let request = Request(method: request.method, path: request.path, headers: request.headers, body: request.body, index: index)
            seen.append(request)
            return request
        }
        let steps = script(request)
        if steps.isEmpty, request.path == "/v1/models" { return Self.json(#"{"object":"list","data":[{"id":"tiny"},{"id":"other"}]}"#) }
        return steps.isEmpty ? Self.json(#"{"error":{"message":"no such route"}}"#, status: 404) : steps
    }

    static func json(_ body: String, status: Int = 200, headers: [(String, String)] = []) -> [Step] {
        [.head(status, [("content-type", "application/json")] + headers), .write(body), .end]
    }

    /// A streamed chat answer of these pieces, as OpenAI's servers send it.
    static func stream(_ pieces: [String], usage: String? = nil, done: Bool = true) -> [Step] {
        var steps: [Step] = [.head(200, [("content-type", "text/event-stream")])]
        steps.append(.write(event(#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#)))
        steps += pieces.map { .write(event(#"{"choices":[{"index":0,"delta":{"content":"\#($0)"},"finish_reason":null}]}"#)) }
        if done { steps.append(.write(event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#))) }
        if let usage { steps.append(.write(event(#"{"choices":[],"usage":\#(usage)}"#))) }
        if done { steps.append(.write(event("[DONE]"))) }
        return steps + [.end]
    }

    static func event(_ data: String) -> String { "data: \(data)\n\n" }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: (Request) -> [Step]
        /// How many generations have been asked for.
        private let asked: () -> Int
        private var head: HTTPRequestHead?
        private var body = ""

        init(answer: @escaping (Request) -> [Step], asked: @escaping () -> Int) { (self.answer, self.asked) = (answer, asked) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, "")
            case .body(let part): body += String(buffer: part)
            case .end:
                guard let head else { return }
                let request = Request(method: head.method, path: head.uri, headers: head.headers, body: body, index: 0)
                perform(answer(request)[...], context)
            }
        }

        private func perform(_ steps: ArraySlice<Step>, _ context: ChannelHandlerContext, after time: TimeAmount) {
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            let handler = NIOLoopBound(self, eventLoop: context.value.eventLoop)
            context.value.eventLoop.scheduleTask(in: time) { handler.value.perform(steps, context.value) }
        }

        private func perform(_ steps: ArraySlice<Step>, _ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            var steps = steps
            while let step = steps.popFirst() {
                switch step {
                case .head(let status, let headers):
                    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(headers))
                    context.write(wrapOutboundOut(.head(head)), promise: nil)
                case .write(let text):
                    context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                case .wait(let time): return perform(steps, context, after: time)
                case .hold(let count):
                    if asked() < count { return perform([step] + steps, context, after: .milliseconds(1)) }
                case .end: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
                case .hangUp: context.close(promise: nil)
                }
            }
        }
    }
}
