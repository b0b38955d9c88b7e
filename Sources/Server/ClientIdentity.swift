import Hummingbird

/// Whom a request is served for. The engine shares its places out fairly between clients, and bounds what one may have waiting.
enum ClientIdentity {
    /// What of a `user` field counts.
    private static let longestUser = 256

    /// The API key where the server has several, else the address the request came from: what a client cannot choose freely. The field
    /// `user` of OpenAI's API tells clients apart only where the operator says that those who send it can be trusted with it.
    static func read(_ fields: FieldReader, _ context: ServerRequestContext, _ settings: ServerSettings) throws(APIError) -> String {
        let user = try fields.string("user")
        let source: String
        // The number and not the key: identities stay in memory, and keys are secrets.
        if settings.apiKeys.count > 1, let key = context.apiKey {
            source = "key \(key)"
        } else {
            source = "address \(context.channel.remoteAddress?.owner ?? "unknown")"
        }
        guard settings.trustsUser, let user, !user.isEmpty else { return source }
        return "\(source) user \(user.prefix(longestUser))"
    }
}
