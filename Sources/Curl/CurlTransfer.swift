import CCurl
import Foundation
import Synchronization

/// One request on its way. But for `isCancelled` it belongs to whoever starts it until then, and to the loop's thread after that.
final class CurlTransfer: @unchecked Sendable {
    let request: CurlRequest
    let isCancelled = Atomic(false)
    var continuation: CheckedContinuation<CurlFailure?, Never>?
    private(set) var handle: CurlHandle?
    private let receiver: any CurlReceiver
    private var head = ResponseHead()
    private(set) var hasBegun = false
    private var isRefused = false
    private var bytesSent = 0
    /// Connections that had to be opened for it.
    private(set) var connectionsOpened = 0
    private var start = ContinuousClock.now

    static let connectTimeout = Duration.seconds(10)

    init(_ request: CurlRequest, _ receiver: any CurlReceiver) { (self.request, self.receiver) = (request, receiver) }

    /// Tells the handle what is asked.
    func configure(_ handle: CurlHandle, authorities: String?) {
        self.handle = handle
        start = .now
        handle.reset()
        handle.set(CURLOPT_URL, request.url)
        handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
        handle.set(CURLOPT_PROXY, "")
        handle.set(CURLOPT_NOSIGNAL, 1)
        handle.set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        handle.set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(Self.connectTimeout))
        handle.set(CURLOPT_TIMEOUT_MS, Self.milliseconds(request.timeout))
        if let authorities { handle.set(CURLOPT_CAINFO, authorities) }
        let context = Unmanaged.passUnretained(self).toOpaque()
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        if let body = request.body {
            // A body that is read from here cannot be wound back, which keeps libcurl from sending it a second time.
            handle.set(CURLOPT_POST, 1)
            handle.set(CURLOPT_POSTFIELDSIZE, body.count)
            _ = resa_curl_set_body_sender(
                handle.pointer,
                { target, size, count, context in
                    guard let target, let context else { return 0 }
                    return Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().send(target, size * count)
                }, context)
            lines.append("Expect:")
        }
        if request.method == "HEAD" { handle.set(CURLOPT_NOBODY, 1) }
        if request.method != (request.body == nil ? "GET" : "POST") { handle.set(CURLOPT_CUSTOMREQUEST, request.method) }
        handle.set(headers: lines)
        _ = resa_curl_set_header_receiver(
            handle.pointer,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().receive(line: line)
                return size * count
            }, context)
        _ = resa_curl_set_body_receiver(
            handle.pointer,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().receive(body: body) ? size * count : 0
            }, context)
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(1, Int(min(seconds, 1_000_000_000)) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }

    private func send(_ target: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        guard let body = request.body else { return 0 }
        let count = min(room, body.count - bytesSent)
        body.withUnsafeBytes { UnsafeMutableRawPointer(target).copyMemory(from: $0.baseAddress! + bytesSent, byteCount: count) }
        bytesSent += count
        return count
    }

    private func receive(line: UnsafeRawBufferPointer) {
        // Trailers after the body say nothing that counts.
        guard !hasBegun else { return }
        var line = line[...]
        while let last = line.last, last == 0x0A || last == 0x0D { line = line.dropLast() }
        if !line.isEmpty { return head.add(line: String(decoding: line, as: UTF8.self)) }
        if head.status >= 200 {
            hasBegun = true
            receiver.begin(head)
        }
    }

    private func receive(body: UnsafeRawBufferPointer) -> Bool {
        isRefused = !receiver.receive(body)
        return !isRefused
    }

    /// Ends it, once the handle is out of the loop.
    func finish(_ code: CURLcode) {
        connectionsOpened = handle?.number(CURLINFO_NUM_CONNECTS) ?? 0
        if code == CURLE_OK {
            receiver.end()
            return finish(nil)
        }
        finish(isRefused ? CurlFailure(.refused, "the answer is too long") : failure(code))
    }

    func finish(_ failure: CurlFailure?) {
        handle = nil
        continuation?.resume(returning: failure)
        continuation = nil
    }

    private func failure(_ code: CURLcode) -> CurlFailure {
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            // libcurl counts whole milliseconds.
            let isWhole = ContinuousClock.now - start >= request.timeout - .milliseconds(5)
            return isWhole ? CurlFailure(.timeout, "no whole answer in time") : CurlFailure(.connection, "no connection in time")
        case CURLE_COULDNT_RESOLVE_HOST:
            return CurlFailure(.connection, "the host '\(URL(string: request.url)?.host ?? request.url)' has no address")
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND:
            return CurlFailure(.connection, "the server closed the connection")
        case CURLE_COULDNT_CONNECT:
            let number = handle?.number(CURLINFO_OS_ERRNO) ?? 0
            return CurlFailure(
                .connection, String(cString: number == 0 ? curl_easy_strerror(code) : UnsafePointer(strerror(Int32(number)))))
        default: return CurlFailure(.connection, String(cString: curl_easy_strerror(code)))
        }
    }
}
