import CCurl
import Foundation

/// An http or https URL, taken apart by the same parser that later connects, so that what is checked is what is asked.
package struct WebAddress: Sendable, Equatable {
    /// Normalised, without fragment.
    package let text: String
    package let scheme: String
    /// Lowercase; an IPv6 address in brackets.
    package let host: String
    package let port: Int
    /// Percent escapes as they are.
    let path: String

    /// - Throws: `PullError.badSource` for anything but http and https, and for a user or password in the address.
    package init(_ text: String) throws(PullError) { try self.init(text, relativeTo: nil) }

    /// Where a `Location` header leads.
    func resolving(_ location: String) throws(PullError) -> WebAddress { try WebAddress(location, relativeTo: self) }

    private init(_ text: String, relativeTo base: WebAddress?) throws(PullError) {
        let shownText = Self.withoutQuery(text)
        func bad(_ reason: String) -> PullError { .badSource(text: shownText, reason: reason) }
        guard let handle = curl_url() else { throw bad("there is no memory to read it") }
        defer { curl_url_cleanup(handle) }
        if let base { _ = curl_url_set(handle, CURLUPART_URL, base.text, 0) }
        let code = curl_url_set(handle, CURLUPART_URL, text, base == nil ? 0 : UInt32(CURLU_URLENCODE))
        guard code == CURLUE_OK else { throw bad(String(cString: curl_url_strerror(code))) }
        _ = curl_url_set(handle, CURLUPART_FRAGMENT, nil, 0)
        guard Self.part(handle, CURLUPART_USER) == nil, Self.part(handle, CURLUPART_PASSWORD) == nil else {
            throw .badSource(text: "the address", reason: "a user or password has no place in it")
        }
        guard let scheme = Self.part(handle, CURLUPART_SCHEME)?.lowercased(), ["http", "https"].contains(scheme) else {
            throw bad("it is neither http nor https")
        }
        guard let host = Self.part(handle, CURLUPART_HOST)?.lowercased(), !host.isEmpty,
            let port = Self.part(handle, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)).flatMap(Int.init),
            let whole = Self.part(handle, CURLUPART_URL)
        else { throw bad("it names no host") }
        // A dot at the end names the same host.
        self.host = host.hasSuffix(".") ? String(host.dropLast()) : host
        self.scheme = scheme
        self.port = port
        self.text = whole
        path = Self.part(handle, CURLUPART_PATH) ?? "/"
    }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart, _ flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }

    /// Scheme, host and port: who gets to see a token.
    func hasSameOrigin(as other: WebAddress) -> Bool { (scheme, host, port) == (other.scheme, other.host, other.port) }

    /// Whether it names a server and nothing on it.
    package var isOrigin: Bool { ["/", ""].contains(path) && !text.contains("?") }

    /// Without the query, which may hold a signature.
    package var shown: String { Self.withoutQuery(text) }

    private static func withoutQuery(_ text: String) -> String { String(text.prefix { $0 != "?" && $0 != "#" }.prefix(300)) }

    /// The last part of the path, when it is a name that a file can have.
    package var fileName: String? {
        guard let last = path.split(separator: "/", omittingEmptySubsequences: false).last,
            let name = String(last).removingPercentEncoding, !name.utf8.contains(UInt8(ascii: "/")), (try? RemotePath.check(name)) != nil
        else { return nil }
        return name
    }
}
