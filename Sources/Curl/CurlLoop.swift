import CCurl
import CPolling
import Foundation
import Synchronization

/// The thread of a client: waits for all its sockets at once and lets libcurl read those that have something, so that what a piece of an
/// answer costs does not grow with the number of requests under way.
final class CurlLoop: @unchecked Sendable {
    private struct Inbox {
        var starting: [CurlTransfer] = []
        var cancelled: [CurlTransfer] = []
        var isClosing = false
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let inbox = Mutex(Inbox())
    private let bell = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    // What follows belongs to the thread that runs.
    private let poller = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let connections: Int
    private let authorities: String?
    private var multi: UnsafeMutableRawPointer?
    private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    private var spare: [CurlHandle] = []
    /// When libcurl wants to be called though no socket has anything.
    private var due: ContinuousClock.Instant?

    init(connections: Int, authorities: String?) { (self.connections, self.authorities) = (connections, authorities) }

    deinit {
        Foundation.close(bell)
        Foundation.close(poller)
    }

    // MARK: - From any thread

    func start(_ transfer: CurlTransfer) {
        let isOpen = inbox.withLock { inbox in
            if !inbox.isClosing { inbox.starting.append(transfer) }
            return !inbox.isClosing
        }
        if isOpen { ring() } else { transfer.finish(Self.closed) }
    }

    func cancel(_ transfer: CurlTransfer) {
        transfer.isCancelled.store(true, ordering: .relaxed)
        inbox.withLock { if !$0.isClosing { $0.cancelled.append(transfer) } }
        ring()
    }

    /// - Parameter continuation: resumed once everything is closed.
    func close(_ continuation: CheckedContinuation<Void, Never>?) {
        let isClosed = inbox.withLock { inbox in
            inbox.isClosing = true
            if !inbox.isClosed, let continuation { inbox.waiting.append(continuation) }
            return inbox.isClosed
        }
        if isClosed { continuation?.resume() } else { ring() }
    }

    private static let closed = CurlFailure(.cancelled, "the client was shut down")

    private func ring() { eventfd_write(bell, 1) }

    // MARK: - The thread

    func run() {
        multi = curl_multi_init().map { UnsafeMutableRawPointer($0) }
        configure()
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while takeOrders() {
            let ready = events.withUnsafeMutableBufferPointer { epoll_wait(poller, $0.baseAddress, Int32($0.count), timeout) }
            var running: Int32 = 0
            for event in events.prefix(max(0, Int(ready))) {
                guard event.data.fd != bell else {
                    var rings: eventfd_t = 0
                    eventfd_read(bell, &rings)
                    continue
                }
                curl_multi_socket_action(multi, event.data.fd, Self.action(event.events), &running)
            }
            if let due, due <= .now {
                self.due = nil
                curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
            }
            finishWhatIsDone()
        }
        for transfer in transfers.values { remove(transfer)?.finish(Self.closed) }
        spare = []
        curl_multi_cleanup(multi)
        let waiting = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.waiting = [] }
            return inbox.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func configure() {
        watch(bell, UInt32(EPOLLIN.rawValue), EPOLL_CTL_ADD)
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = resa_curl_multi_set_socket_watcher(
            multi,
            { _, socket, interest, context, known in
                guard let context else { return 0 }
                let loop = Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue()
                loop.watch(socket, interest, isKnown: known != nil)
                return 0
            }, context)
        _ = resa_curl_multi_set_timer(
            multi,
            { _, milliseconds, context in
                guard let context else { return 0 }
                Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().due =
                    milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                return 0
            }, context)
        _ = resa_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
        _ = resa_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connections)
        _ = resa_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
    }

    /// Milliseconds until libcurl's time, rounded up.
    private var timeout: Int32 {
        guard let due else { return -1 }
        let left = due - .now
        return left <= .zero ? 0 : Int32(clamping: Int((left / .milliseconds(1)).rounded(.up)))
    }

    private static func action(_ events: UInt32) -> Int32 {
        var action: Int32 = 0
        if events & UInt32(EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0 { action |= CURL_CSELECT_IN }
        if events & UInt32(EPOLLOUT.rawValue) != 0 { action |= CURL_CSELECT_OUT }
        if events & UInt32(EPOLLERR.rawValue) != 0 { action |= CURL_CSELECT_ERR }
        return action
    }

    private func watch(_ socket: Int32, _ interest: Int32, isKnown: Bool) {
        guard interest != CURL_POLL_REMOVE else { return watch(socket, 0, EPOLL_CTL_DEL) }
        var events: UInt32 = 0
        if interest & CURL_POLL_IN != 0 { events |= UInt32(EPOLLIN.rawValue) }
        if interest & CURL_POLL_OUT != 0 { events |= UInt32(EPOLLOUT.rawValue) }
        watch(socket, events, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD)
        if !isKnown { curl_multi_assign(multi, socket, multi) }
    }

    private func watch(_ socket: Int32, _ events: UInt32, _ operation: Int32) {
        var event = epoll_event()
        event.events = events
        event.data.fd = socket
        epoll_ctl(poller, operation, socket, &event)
    }

    /// - Returns: whether to go on.
    private func takeOrders() -> Bool {
        let (starting, cancelled, isClosing) = inbox.withLock { inbox in
            defer { (inbox.starting, inbox.cancelled) = ([], []) }
            return (inbox.starting, inbox.cancelled, inbox.isClosing)
        }
        for transfer in starting { begin(transfer) }
        for transfer in cancelled { remove(transfer)?.finish(CurlFailure(.cancelled, "the request was cancelled")) }
        return !isClosing
    }

    private func begin(_ transfer: CurlTransfer) {
        if transfer.isCancelled.load(ordering: .relaxed) { return transfer.finish(CurlFailure(.cancelled, "the request was cancelled")) }
        guard let multi, let handle = spare.popLast() ?? CurlHandle() else {
            return transfer.finish(CurlFailure(.connection, "libcurl cannot be started"))
        }
        transfer.configure(handle, authorities: authorities)
        transfers[handle.pointer] = transfer
        guard curl_multi_add_handle(multi, handle.pointer) == CURLM_OK else {
            transfers[handle.pointer] = nil
            return transfer.finish(CurlFailure(.connection, "libcurl takes no further request"))
        }
    }

    /// - Returns: the transfer, if it was under way.
    private func remove(_ transfer: CurlTransfer) -> CurlTransfer? {
        guard let handle = transfer.handle, transfers.removeValue(forKey: handle.pointer) != nil else { return nil }
        curl_multi_remove_handle(multi, handle.pointer)
        spare.append(handle)
        return transfer
    }

    private func finishWhatIsDone() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = transfers[UnsafeMutableRawPointer(easy)]
            else { continue }
            let code = resa_curl_message_result(message)
            let handle = transfer.handle
            _ = remove(transfer)
            withExtendedLifetime(handle) { transfer.finish(code) }
        }
    }
}
