import AdapterRegistry
import Adapters

/// Which latents to read: `{"adapter", "layers", "at", "top", "prompt"}`, in the field `features` of a generation or as the body of
/// `POST /v1/features`. A short way to say which SAE observes where.
struct FeatureFields {
    /// What observes, to stand before the request's own adapters: it reads what those have not changed yet at the same hookpoint.
    let selections: [AdapterSelection]
    /// Read the prompt's tokens too.
    let includesPrompt: Bool
    /// The field that names the SAE.
    let place: String

    static let known: Set<String> = ["adapter", "layers", "at", "top", "prompt"]

    /// - Parameters:
    ///   - adapters: what is served.
    ///   - whole: every token is read anyway; `prompt` has another meaning.
    /// - Throws: 400 when it is not clear which SAE is meant, or that has no such hookpoint; 404 when there is none of that name.
    init(_ fields: FieldReader, adapters: [AdapterSummary], whole: Bool = false) throws(APIError) {
        let sae = try Self.sae(fields, adapters)
        let layers = try Self.layers(fields)
        let site = try fields.site("at")
        let there = sae.hookpoints.map(\.description).joined(separator: ", ")
        for layer in layers ?? [] where !sae.hookpoints.contains(where: { $0.layer == layer && (site ?? $0.site) == $0.site }) {
            throw .bad(fields.path("layers"), "'\(sae.name)' has no hookpoint at layer \(layer); it has \(there)")
        }
        let chosen = sae.hookpoints.filter { (layers?.contains($0.layer) ?? true) && (site ?? $0.site) == $0.site }
        guard !chosen.isEmpty else { throw .bad(fields.path("at"), "'\(sae.name)' has no such hookpoint; it has \(there)") }
        let top = try fields.int("top", in: 1...AdapterSelection.indices.upperBound)
        selections = chosen.map { AdapterSelection(name: sae.name, layer: $0.layer, at: $0.site, mode: .observe, top: top) }
        includesPrompt = whole ? true : try fields.bool("prompt") ?? false
        place = fields.path("adapter")
    }

    private static func sae(_ fields: FieldReader, _ adapters: [AdapterSummary]) throws(APIError) -> AdapterSummary {
        let served = adapters.filter { $0.kind == .sae && $0.error == nil }
        guard let name = try fields.string("adapter").map(AdapterReference.canonical) else {
            if served.count == 1 { return served[0] }
            throw .bad(
                fields.path("adapter"),
                served.isEmpty
                    ? "no SAE is served, so there are no latents to read"
                    : "\(fields.path("adapter")) is missing; name one of \(served.map(\.name).joined(separator: ", "))")
        }
        if let sae = served.first(where: { $0.name == name }) { return sae }
        if let other = adapters.first(where: { $0.name == name }) {
            throw .bad(
                fields.path("adapter"), "'\(name)' has no latents: \(other.error ?? "it is a \(other.kind?.rawValue ?? "broken adapter")")"
            )
        }
        throw APIError(.unknown(name: name, near: served.map(\.name)), place: fields.path("adapter"))
    }

    private static func layers(_ fields: FieldReader) throws(APIError) -> Set<Int>? {
        guard let elements = try fields.array("layers", of: "an array of layer numbers") else { return nil }
        var layers: Set<Int> = []
        for (index, element) in elements.enumerated() {
            guard let layer = element.int, layer >= 0 else { throw fields.wrong("layers[\(index)]", element, "a layer number") }
            layers.insert(layer)
        }
        return layers.isEmpty ? nil : layers
    }
}

extension ServerState {
    /// A request's adapters, behind what observes for its features.
    func resolve(_ choice: AdapterChoice, beside features: FeatureFields?) async throws(APIError) -> ResolvedAdapters {
        let observers = features?.selections ?? []
        let place = choice.selections.isEmpty ? features?.place : nil
        return try await resolve(observers + choice.selections, place: place ?? choice.place)
    }

    /// The field `features` of a generation, if it has one.
    func features(_ fields: FieldReader) async throws(APIError) -> FeatureFields? {
        guard let reader = try fields.object("features") else { return nil }
        if let stranger = reader.members.keys.first(where: { !FeatureFields.known.contains($0) }) {
            throw .bad(
                "features.\(stranger)",
                "features.\(stranger.prefix(40)) is not known; there are \(FeatureFields.known.sorted().joined(separator: ", "))")
        }
        return try FeatureFields(reader, adapters: await service.adapters(looksAgain: true))
    }
}
