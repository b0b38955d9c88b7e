import JSONText

/// What a server says of a model it serves.
package struct ModelCard: Sendable, Equatable {
    package let name: String
    /// The model that it is an adapter of, or itself.
    package let root: String
    /// SHA-256 of the files; nil from servers that do not say.
    package let digest: String?
    /// What the server's answers carry as `system_fingerprint`; nil from servers that do not say, and of adapters.
    package let fingerprint: String?

    init?(_ json: JSON) {
        guard let name = json["id"]?.string else { return nil }
        self.name = name
        root = json["root"]?.string ?? name
        digest = json["resa"]?["digest"]?.string
        fingerprint = json["resa"]?["fingerprint"]?.string
    }
}
