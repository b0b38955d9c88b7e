import CCurl
import Curl

/// What an answer says of itself and of the file it brings.
struct HTTPHead: Sendable {
    private var response = ResponseHead()
    /// What was asked for.
    let address: WebAddress

    init(address: WebAddress) { self.address = address }

    var status: Int { response.status }
    /// By lowercase name; of repeated ones the last.
    var headers: [String: String] { response.headers }

    mutating func add(line: String) { response.add(line: line) }

    var contentLength: Int? { headers["content-length"].flatMap { Int($0) } }

    /// Whether a body that was cut short can be told from a whole one even without `Content-Length`.
    var endsItself: Bool { !response.isVersionOne || headers["transfer-encoding"]?.lowercased().contains("chunked") == true }

    /// Without quotes and without the mark of a weak one.
    static func plainTag(_ tag: String) -> String {
        String(tag.trimmingPrefix("W/").drop { $0 == "\"" }.prefix { $0 != "\"" })
    }

    /// An ETag that promises equal bytes.
    var strongTag: String? { headers["etag"].flatMap { $0.hasPrefix("\"") && $0.hasSuffix("\"") && $0.utf8.count > 2 ? $0 : nil } }

    /// Where a `Content-Range: bytes 5-9/10` begins, and how long the whole is when that is known.
    var contentRange: (start: Int, whole: Int?)? {
        guard let text = headers["content-range"], text.hasPrefix("bytes ") else { return nil }
        let sides = text.dropFirst("bytes ".count).split(separator: "/")
        guard sides.count == 2, let start = sides[0].split(separator: "-").first.flatMap({ Int($0) }), start >= 0 else { return nil }
        return (start, Int(sides[1]))
    }

    /// How long the whole is, by the `Content-Range: bytes */10` of an answer 416.
    var wholeLength: Int? { headers["content-range"]?.split(separator: "/").last.flatMap { Int($0) } }

    /// `Retry-After` in seconds from now, given as such or as a date.
    func retryAfter(now: Int) -> Int? {
        guard let text = headers["retry-after"] else { return nil }
        if let seconds = Int(text) { return max(seconds, 0) }
        let date = curl_getdate(text, nil)
        return date < 0 ? nil : max(Int(date) - now, 0)
    }

    var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) }
}
