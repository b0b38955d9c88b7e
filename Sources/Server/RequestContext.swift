import Hummingbird
import Logging
import NIOCore

/// What the server keeps beside a request.
struct ServerRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// What the request takes of the memory for all.
    var share: RequestShare?
    /// As echoed in `x-request-id`.
    var requestID = ""
    /// The place in the server's list of the API key that the request carries.
    var apiKey: Int?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Fires when the client hangs up; nil on channels that cannot tell, as in tests without a connection.
    func hangUpSignal() async -> HangUpSignal? {
        let channel = channel
        return try? await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: HangUpHandler.self).signal
        }.get()
    }
}
