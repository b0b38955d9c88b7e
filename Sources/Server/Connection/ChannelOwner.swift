import NIOCore
import NIOHTTPTypes

/// Owns what tasks read and write of a connection until it closes. A server that stops drops the connections it has just accepted, and NIO
/// ends the process when the last owner of a writer that has not finished goes.
final class ChannelOwner: ChannelInboundHandler {
    typealias InboundIn = HTTPRequestPart

    private var channel: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>?

    func own(_ channel: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>) { self.channel = channel }

    func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { release() }

    private func release() {
        channel?.outbound.finish()
        channel = nil
    }
}
