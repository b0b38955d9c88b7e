import Engine
import HTTPTypes
import Hummingbird

/// Whom a request is served for. The engine shares its places out fairly between clients.
enum ClientIdentity {
    /// What of a `user` field counts.
    private static let longestUser = 256

    /// The API key where the server has several, else the field `user` of OpenAI's API, else the address the request came from.
    static func read(_ fields: FieldReader, _ request: Request, _ context: ServerRequestContext, _ settings: ServerSettings)
        throws(APIError) -> String
    {
        let user = try fields.string("user")
        // The number and not the key: identities stay in memory, and keys are secrets.
        if settings.apiKeys.count > 1, let key = settings.apiKeys.firstIndex(where: { Self.carries(request, key: $0) }) {
            return "key \(key)"
        }
        if let user, !user.isEmpty { return "user \(user.prefix(longestUser))" }
        return "address \(context.channel.remoteAddress?.ipAddress ?? "unknown")"
    }

    private static func carries(_ request: Request, key: String) -> Bool {
        request.headers[.authorization]?.split(separator: " ", maxSplits: 1).last.map { $0 == key } ?? false
    }
}
