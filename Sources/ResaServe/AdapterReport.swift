import AdapterRegistry

/// One adapter as the command line shows it.
struct AdapterReport: Encodable {
    let name: String
    let kind: String?
    let digest: String?
    let hookpoints: [String]
    let rank: Int?
    let latents: Int?
    let bytes: Int
    let baseModel: String?
    let description: String?
    let labels: [String: String]
    let error: String?

    init(_ summary: AdapterSummary) {
        name = summary.name
        kind = summary.kind?.rawValue
        digest = summary.digest
        hookpoints = summary.hookpoints.map(\.description)
        (rank, latents, bytes) = (summary.rank, summary.latents, summary.bytes)
        (baseModel, description, labels, error) = (summary.baseModel, summary.description, summary.labels, summary.error)
    }

    /// The essentials in a few words.
    var outline: String {
        if let rank { return "rank \(rank)" }
        let places = hookpoints.count > 3 ? "\(hookpoints.count) hookpoints" : hookpoints.joined(separator: ", ")
        if let latents { return "\(latents) latents at \(places)" }
        return places.isEmpty ? "" : "vectors at \(places)"
    }

    var facts: [(name: String, value: String?)] {
        [
            ("adapter", name), ("kind", kind), ("error", error), ("digest", digest), ("size", Quantity.bytes(bytes)),
            ("rank", rank.map(String.init)), ("latents", latents.map(String.init)),
            ("hookpoints", hookpoints.isEmpty ? nil : hookpoints.joined(separator: ", ")), ("base model", baseModel),
            ("description", description),
        ] + labels.sorted { $0.key < $1.key }.map { ("label \($0.key)", $0.value) }
    }
}
