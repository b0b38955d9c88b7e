import HTTPTypes
import Hummingbird

/// Keeps web pages of elsewhere from using a server that their visitor's browser can reach: a browser sends a page's requests to this
/// machine's own addresses without asking anybody.
///
/// Three ways are closed. A page's own name may be made to mean 127.0.0.1 (DNS rebinding): then `Host` says that name. A page may send what
/// it cannot read the answer to: then `Origin` is its own. And a form may post JSON as text, which no browser asks about first. Programs send
/// neither `Origin` nor `Sec-Fetch-Site`, and are left alone.
struct BrowserGuard: RouterMiddleware {
    private static let fetchSite = HTTPField.Name("sec-fetch-site")!
    /// What browsers post without asking first.
    private static let formTypes = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]

    let settings: ServerSettings

    func handle(
        _ request: Request, context: ServerRequestContext, next: (Request, ServerRequestContext) async throws -> Response
    ) async throws -> Response {
        // Load balancers ask by any name, and learn nothing but whether there is a server.
        if !Endpoint.isOpen(request.uri.path), let refusal = refusal(request.method, authority: request.head.authority, request.headers) {
            throw refusal
        }
        return try await next(request, context)
    }

    /// Why a request is not served; nil when it is.
    func refusal(_ method: HTTPRequest.Method, authority: String?, _ headers: HTTPFields) -> APIError? {
        if let authority, !authority.isEmpty, !settings.allows(host: authority) {
            return Self.forbidden(
                "requests for the host '\(authority.prefix(200))' are not served; the operator can allow it with --allowed-host",
                code: "host_not_allowed")
        }
        let site = headers[Self.fetchSite]?.lowercased()
        if let origin = headers[.origin] {
            guard settings.allows(origin: origin) || Self.isSame(origin, authority) else {
                return Self.forbidden(
                    "pages of '\(origin.prefix(200))' may not use this server; the operator can allow them with --cors-origin",
                    code: "origin_not_allowed")
            }
        } else if let site, site != "same-origin", site != "none", method != .get, method != .head, method != .options {
            return Self.forbidden("pages of other sites may not use this server", code: "origin_not_allowed")
        }
        guard headers[.origin] != nil || site != nil, let type = headers[.contentType] else { return nil }
        let kind = type.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard Self.formTypes.contains(kind) else { return nil }
        return APIError(
            status: .unsupportedMediaType, message: "browsers send bodies as Content-Type: application/json here, not \(kind)",
            code: "unsupported_media_type")
    }

    private static func forbidden(_ message: String, code: String) -> APIError {
        APIError(status: .forbidden, message: message, code: code)
    }

    /// Whether a page comes from the very host and port that it asks.
    private static func isSame(_ origin: String, _ authority: String?) -> Bool {
        guard let authority, let end = origin.firstRange(of: "://")?.upperBound else { return false }
        let port = origin.hasPrefix("https:") ? ":443" : ":80"
        func plain(_ text: some StringProtocol) -> String {
            let lower = text.lowercased()
            return lower.hasSuffix(port) ? String(lower.dropLast(port.count)) : lower
        }
        return plain(origin[end...]) == plain(authority)
    }
}

extension ServerSettings {
    /// Whether pages of this origin may use the server from a browser.
    func allows(origin: String) -> Bool { allowedOrigins.contains("*") || allowedOrigins.contains(origin) }

    /// Whether the name is the server's own. Anybody may call a server by any name that listens for others, unless names are set.
    func allows(host authority: String) -> Bool {
        let listensForThisMachine = NetworkName(authority: host)?.isLoopback ?? false
        guard listensForThisMachine || !allowedHosts.isEmpty, !allowedHosts.contains("*") else { return true }
        guard let name = NetworkName(authority: authority) else { return false }
        if name.isLoopback || name.isUnspecified || name == NetworkName(authority: host) { return true }
        return allowedHosts.contains { NetworkName(authority: $0) == name }
    }
}
