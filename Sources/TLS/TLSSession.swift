import CTLS
import NIOCore

/// One connection's OpenSSL state, fed and emptied through memory. Used on one event loop.
struct TLSSession: ~Copyable {
    enum Progress: Equatable {
        /// Nothing more until more bytes come.
        case waits
        /// The handshake is done; plain bytes may pass.
        case done
        /// The peer sends no more.
        case ended
        case failed(String)
    }

    private let session: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    /// Nil for want of memory.
    init?(_ context: TLSContext) {
        guard let session = SSL_new(context.pointer) else { return nil }
        guard let incoming = resa_tls_memory() else {
            SSL_free(session)
            return nil
        }
        guard let outgoing = resa_tls_memory() else {
            BIO_free(incoming)
            SSL_free(session)
            return nil
        }
        (self.session, self.incoming, self.outgoing) = (session, incoming, outgoing)
        SSL_set_bio(session, incoming, outgoing)
        SSL_set_accept_state(session)
    }

    // The session owns both memories.
    deinit { SSL_free(session) }

    mutating func receive(_ buffer: ByteBuffer) {
        _ = buffer.withUnsafeReadableBytes { BIO_write(incoming, $0.baseAddress, Int32($0.count)) }
    }

    mutating func handshake() -> Progress {
        ERR_clear_error()
        let result = SSL_do_handshake(session)
        return result == 1 ? .done : progress(result)
    }

    /// Decrypts what has come, to the end of `buffer`.
    mutating func read(into buffer: inout ByteBuffer) -> Progress {
        while true {
            ERR_clear_error()
            var result: Int32 = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 16 << 10) { target in
                result = SSL_read(session, target.baseAddress, Int32(clamping: target.count))
                return max(0, Int(result))
            }
            if result <= 0 { return progress(result) }
        }
    }

    /// Encrypts all of `buffer`.
    /// - Returns: whether it could.
    mutating func write(_ buffer: ByteBuffer) -> Bool {
        buffer.withUnsafeReadableBytes { bytes in
            var done = 0
            while done < bytes.count {
                ERR_clear_error()
                let count = SSL_write(session, bytes.baseAddress! + done, Int32(clamping: bytes.count - done))
                guard count > 0 else { return false }
                done += Int(count)
            }
            return true
        }
    }

    /// Says that no more will be sent.
    mutating func end() {
        ERR_clear_error()
        SSL_shutdown(session)
        ERR_clear_error()
    }

    /// What is to be sent to the peer; nil when there is nothing.
    mutating func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let count = resa_tls_pending(outgoing)
        guard count > 0 else { return nil }
        var buffer = allocator.buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            max(0, Int(BIO_read(outgoing, target.baseAddress, Int32(clamping: count))))
        }
        return buffer
    }

    private func progress(_ result: Int32) -> Progress {
        switch SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .waits
        case SSL_ERROR_ZERO_RETURN: return .ended
        default:
            let reason = ERR_reason_error_string(ERR_get_error()).map { String(cString: $0) }
            ERR_clear_error()
            return .failed(reason ?? "the connection broke")
        }
    }
}
