import Foundation

/// GET with redirects, by hand: the policy sees every hop, and the token goes to the endpoint it belongs to and nowhere else.
final class HTTPClient {
    private let connection: HTTPConnection
    private let settings: PullSettings
    private let hub: HubEnvironment?

    /// - Parameter hub: whose token may be sent; nil to send none.
    init(settings: PullSettings, hub: HubEnvironment?, control: PullControl) {
        (self.settings, self.hub) = (settings, hub)
        connection = HTTPConnection(settings: settings, control: control)
    }

    /// - Parameters:
    ///   - headers: complete lines, sent on every hop; no secrets.
    ///   - redirected: hears the head of each redirect.
    ///   - receiver: gets the last answer, whose status is 2xx or 416; any other becomes an error.
    /// - Throws: an `AttemptFailure` around `.status`, `.asksToWait`, `.badRedirect`, `.forbidden`, `.noAnswer`, or what `receiver` throws.
    @discardableResult
    func get(
        _ start: WebAddress, file: String, headers: [String] = [], redirected: (HTTPHead) throws(AttemptFailure) -> Void = { _ in },
        receiver: HTTPConnection.Receiver
    ) throws(AttemptFailure) -> HTTPHead {
        var address = start
        for _ in 0...settings.redirects {
            do throws(PullError) { try settings.policy.check(address) } catch { throw .final(error) }
            let answer = try hop(address, file: file, headers: headers, receiver: receiver)
            guard answer.isRedirect else { return answer }
            try redirected(answer)
            address = try Self.next(answer, file: file)
        }
        throw .final(.badRedirect(file: file, address: start.shown, reason: "more than \(settings.redirects) hops"))
    }

    private func hop(
        _ address: WebAddress, file: String, headers: [String], receiver: HTTPConnection.Receiver
    ) throws(AttemptFailure) -> HTTPHead {
        var headers = headers
        if let hub, let token = hub.token, address.hasSameOrigin(as: hub.endpoint) { headers.append("Authorization: Bearer \(token)") }
        var isWanted = false
        var excerpt: [UInt8] = []
        let head = try connection.get(
            address, headers: headers, file: file,
            receiver: HTTPConnection.Receiver(
                head: { head throws(AttemptFailure) in
                    isWanted = (200..<300).contains(head.status) || head.status == 416
                    if isWanted { try receiver.head(head) }
                },
                body: { bytes throws(AttemptFailure) in
                    if isWanted { return try receiver.body(bytes) }
                    // Of an error's text the beginning is enough; nobody can make this machine read on for ever.
                    excerpt += bytes.prefix(Self.excerptBytes - excerpt.count)
                    return excerpt.count < Self.excerptBytes
                }))
        if isWanted || head.isRedirect { return head }
        throw refusal(head, excerpt: excerpt, file: file)
    }

    private static let excerptBytes = 4096

    /// Where a redirect leads.
    /// - Throws: `.badRedirect`, for one from https to http too.
    static func next(_ answer: HTTPHead, file: String) throws(AttemptFailure) -> WebAddress {
        func bad(_ reason: String) -> AttemptFailure {
            .final(.badRedirect(file: file, address: answer.address.shown, reason: reason))
        }
        guard let location = answer.headers["location"], !location.isEmpty else { throw bad("it does not say where to") }
        let next: WebAddress
        do throws(PullError) { next = try answer.address.resolving(location) } catch { throw bad(error.description) }
        guard answer.address.scheme == "http" || next.scheme == "https" else { throw bad("from https to http, at \(next.shown)") }
        return next
    }

    private func refusal(_ head: HTTPHead, excerpt: [UInt8], file: String) -> AttemptFailure {
        let status = head.status
        let isTransient = [408, 425, 429, 500, 502, 503, 504].contains(status)
        let wait = isTransient ? head.retryAfter(now: Int(Date().timeIntervalSince1970)) : nil
        if let wait, wait > settings.longestRetryAfter {
            return .final(.asksToWait(file: file, address: head.address.shown, seconds: wait, limit: settings.longestRetryAfter))
        }
        let error = PullError.status(
            file: file, address: head.address.shown, status: status, message: Self.message(head, excerpt), advice: advice(head))
        return AttemptFailure(error: error, isTransient: isTransient, retryAfter: wait)
    }

    private static func message(_ head: HTTPHead, _ excerpt: [UInt8]) -> String {
        if let text = head.headers["x-error-message"] { return String(text.prefix(300)) }
        guard head.headers["content-type"]?.hasPrefix("text/html") != true else { return "" }
        let text = String(decoding: excerpt.prefix(300), as: UTF8.self)
        return text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" && $0 != "\r" && $0 != "\t" }
            ? "" : text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private func advice(_ head: HTTPHead) -> String {
        switch (head.status, hub?.token) {
        case (401, nil), (403, nil): "it may need a token: set HF_TOKEN"
        case (401, _), (403, _): "the token may lack access to it, or the terms have to be accepted on its page"
        case (404, _): "check the spelling, the revision and the path"
        case (429, nil): "a token (HF_TOKEN) may be allowed more"
        default: ""
        }
    }
}
