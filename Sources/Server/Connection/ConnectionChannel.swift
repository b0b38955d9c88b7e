import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import TLS

/// How one connection is set up: from the socket up, what counts its bytes, what speaks TLS where that is wanted, what speaks HTTP/1, what keeps its rules, what watches over
/// its time, and the channel that tasks read and write.
struct ConnectionChannel: HTTPChannelHandler {
    let responder: Responder
    let settings: ServerSettings
    let metrics: ServerMetrics
    let registry: ConnectionRegistry

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = settings.maxHeaderBytes
            limits.maxHeaderListSize = settings.maxHeaderBytes
            limits.maxHeaderFieldCount = settings.maxHeaderFields
            let pipeline = channel.pipeline.syncOperations
            let ending = AnswerEnding()
            let meter = SocketMeter(
                writeLimit: .seconds(Int64(settings.writeSeconds)), logger: logger, onStuck: { metrics.writeTimeouts.increment() })
            try pipeline.addHandler(meter)
            if let certificate = settings.certificate {
                try pipeline.addHandler(
                    TLSHandler(
                        certificate, handshakeLimit: .seconds(Int64(settings.handshakeSeconds)), logger: logger,
                        onFailure: { metrics.handshakeFailures.increment() }))
            }
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
            try pipeline.addHandler(MessageRules(ending))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: settings.certificate != nil))
            try pipeline.addHandler(HangUpHandler())
            try pipeline.addHandler(
                ConnectionGuard(
                    settings: settings, metrics: metrics, meter: meter, ending: ending,
                    place: registry.enter { channel.close(promise: nil) }))
            let owner = ChannelOwner()
            try pipeline.addHandler(owner)
            // Few parts at a time: what was read and not asked for is memory that no budget knows.
            let parts = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
                wrappingChannelSynchronously: channel,
                configuration: .init(
                    backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2), isOutboundHalfClosureEnabled: true))
            owner.own(parts)
            return parts
        }
    }

    func handle(value: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
