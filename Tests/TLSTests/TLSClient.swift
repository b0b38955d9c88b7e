import CTLS
import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

/// OpenSSL's client, tied to an embedded channel by hand.
final class TLSClient {
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private(set) var hasHeardEnd = false

    init() throws {
        context = try #require(SSL_CTX_new(TLS_client_method()))
        session = try #require(SSL_new(context))
        incoming = try #require(resa_tls_memory())
        outgoing = try #require(resa_tls_memory())
        SSL_set_bio(session, incoming, outgoing)
        SSL_set_connect_state(session)
    }

    deinit {
        SSL_free(session)
        SSL_CTX_free(context)
    }

    /// What the client would send now.
    func output() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: resa_tls_pending(outgoing))
        if !bytes.isEmpty { BIO_read(outgoing, &bytes, Int32(bytes.count)) }
        return bytes
    }

    /// Takes what the server has written.
    func receive(_ channel: EmbeddedChannel) throws {
        while case .byteBuffer(let buffer)? = try channel.readOutbound(as: IOData.self) {
            _ = buffer.withUnsafeReadableBytes { BIO_write(incoming, $0.baseAddress, Int32($0.count)) }
        }
    }

    /// Sends what there is, in pieces of `size` bytes.
    func send(_ channel: EmbeddedChannel, piece size: Int = .max) throws {
        var rest = output()[...]
        while !rest.isEmpty {
            try channel.writeInbound(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
    }

    func handshake(_ channel: EmbeddedChannel, piece size: Int = .max) throws {
        for _ in 0..<10 {
            let result = SSL_do_handshake(session)
            try send(channel, piece: size)
            try receive(channel)
            if result == 1 { return }
        }
        Issue.record("the handshake does not end")
    }

    func write(_ bytes: [UInt8]) { #expect(SSL_write(session, bytes, Int32(bytes.count)) == bytes.count) }

    func read() -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = SSL_read(session, &piece, Int32(piece.count))
            guard count > 0 else {
                if SSL_get_error(session, count) == SSL_ERROR_ZERO_RETURN { hasHeardEnd = true }
                return all
            }
            all += piece.prefix(Int(count))
        }
    }

    func end() { SSL_shutdown(session) }
}
