import CCurl
import Curl
import Foundation

/// One libcurl handle with its connections; used by one thread at a time. It follows no redirect and tries nothing twice.
final class HTTPConnection {
    /// What happens with an answer as it arrives. Both run on the calling thread, during `get`.
    struct Receiver {
        /// Called once, before any of the body.
        let head: (HTTPHead) throws(AttemptFailure) -> Void
        /// Says whether more is wanted; if not, `get` ends as if this were all.
        let body: (UnsafeRawBufferPointer) throws(AttemptFailure) -> Bool
    }

    private let handle: CurlHandle?
    private let settings: PullSettings
    private let control: PullControl

    init(settings: PullSettings, control: PullControl) {
        (self.settings, self.control) = (settings, control)
        handle = CurlHandle()
    }

    /// The state of one request, reached by libcurl's callbacks through a pointer.
    private final class Exchange {
        var head: HTTPHead
        let receiver: Receiver
        let control: PullControl
        var isHeadDone = false
        var isEnough = false
        var failure: AttemptFailure?
        /// What the policy refused to connect to.
        var refused: NetworkAddress?

        init(address: WebAddress, receiver: Receiver, control: PullControl) {
            (head, self.receiver, self.control) = (HTTPHead(address: address), receiver, control)
        }

        func finishHead() -> Bool {
            if isHeadDone { return failure == nil }
            isHeadDone = true
            do throws(AttemptFailure) { try receiver.head(head) } catch { failure = error }
            return failure == nil
        }
    }

    /// - Parameter file: what the error messages call it.
    /// - Returns: the head, after the whole body was received.
    /// - Throws: what the receiver throws, or what kept the answer from arriving whole.
    func get(_ address: WebAddress, headers: [String], file: String, receiver: Receiver) throws(AttemptFailure) -> HTTPHead {
        guard let handle else {
            throw .final(.noAnswer(file: file, address: address.shown, reason: "libcurl cannot be started"))
        }
        let exchange = Exchange(address: address, receiver: receiver, control: control)
        let context = Unmanaged.passUnretained(exchange).toOpaque()
        configure(handle, context)
        // Answers may be compressed where nobody counts their bytes; some servers do so unasked.
        if !headers.contains(where: { $0.lowercased().hasPrefix("accept-encoding:") }) {
            handle.set(CURLOPT_ACCEPT_ENCODING, "")
        }
        // A proxy would resolve names by itself.
        if settings.policy.refusesProxies { handle.set(CURLOPT_PROXY, "") }
        if settings.policy.onlyPublicAddresses(for: address) { refusePrivateAddresses(handle, context) }
        handle.set(CURLOPT_URL, address.text)
        handle.set(headers: headers)
        defer { handle.set(headers: []) }

        let code = withExtendedLifetime(exchange) { handle.perform() }
        if control.isStopped { throw .final(.cancelled) }
        if let failure = exchange.failure { throw failure }
        if exchange.isEnough { return exchange.head }
        if let refused = exchange.refused, code != CURLE_OK {
            throw .final(
                .forbidden(address: address.shown, reason: "\(address.host) resolves to \(refused), which is no public address"))
        }
        guard code == CURLE_OK else {
            let isTransient = !Self.lasting.contains(code.rawValue)
            let reason =
                code == CURLE_OPERATION_TIMEDOUT && exchange.head.status != 0 ? "it stalled" : String(cString: curl_easy_strerror(code))
            throw AttemptFailure(error: .noAnswer(file: file, address: address.shown, reason: reason), isTransient: isTransient)
        }
        if !exchange.finishHead(), let failure = exchange.failure { throw failure }
        return exchange.head
    }

    /// What no retry mends: a malformed URL, no such protocol, certificates that do not fit.
    private static let lasting: Set<UInt32> = Set(
        [CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_OUT_OF_MEMORY]
            .map(\.rawValue))

    private func configure(_ handle: CurlHandle, _ context: UnsafeMutableRawPointer) {
        handle.reset()
        handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
        handle.set(CURLOPT_USERAGENT, "resa")
        handle.set(CURLOPT_FOLLOWLOCATION, 0)
        handle.set(CURLOPT_NOSIGNAL, 1)
        handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        handle.set(CURLOPT_CONNECTTIMEOUT_MS, Int(settings.connectSeconds * 1000))
        handle.set(CURLOPT_LOW_SPEED_LIMIT, settings.stallBytesPerSecond)
        handle.set(CURLOPT_LOW_SPEED_TIME, settings.stallSeconds)
        handle.set(CURLOPT_BUFFERSIZE, 256 << 10)
        _ = resa_curl_set_progress(
            handle.pointer,
            { context, _, _, _, _ in
                guard let context else { return 1 }
                return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().control.isStopped ? 1 : 0
            }, context)
        _ = resa_curl_set_header_receiver(
            handle.pointer,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                // Trailers after the body say nothing that counts.
                guard !exchange.isHeadDone else { return size * count }
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                exchange.head.add(line: String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
                return size * count
            }, context)
        _ = resa_curl_set_body_receiver(
            handle.pointer,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                guard exchange.finishHead() else { return 0 }
                do throws(AttemptFailure) {
                    exchange.isEnough = !(try exchange.receiver.body(UnsafeRawBufferPointer(start: bytes, count: size * count)))
                    return exchange.isEnough ? 0 : size * count
                } catch {
                    exchange.failure = error
                    return 0
                }
            }, context)
    }

    /// The check stands where the socket is made, after the name was resolved: there is nothing to rebind.
    private func refusePrivateAddresses(_ handle: CurlHandle, _ context: UnsafeMutableRawPointer) {
        _ = resa_curl_set_socket_opener(
            handle.pointer,
            { context, _, wanted in
                guard let context, let wanted else { return CURL_SOCKET_BAD }
                let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                let length = Int(wanted.pointee.addrlen)
                let address = withUnsafePointer(to: &wanted.pointee.addr) { NetworkAddress($0, length: length) }
                guard let address, address.isPublic else {
                    exchange.refused = address ?? NetworkAddress(bytes: [0, 0, 0, 0])
                    return CURL_SOCKET_BAD
                }
                return socket(wanted.pointee.family, wanted.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), wanted.pointee.protocol)
            }, context)
    }
}
