import AdapterRegistry
import Checkpoints

/// `model`: absent for the served base, the base's name, `BASE:ADAPTER`, or `ADAPTER`.
struct ModelField {
    /// What the response calls the model.
    let name: String
    /// The adapter it names.
    let adapter: String?

    init(_ fields: FieldReader, base: String, adapters: [String]) throws(APIError) {
        guard let name = try fields.string("model"), name != base else {
            self.name = base
            adapter = nil
            return
        }
        let adapter = AdapterReference.canonical(name.hasPrefix(base + ":") ? String(name.dropFirst(base.count + 1)) : name)
        guard adapters.contains(adapter) else { throw Self.unknown(name, base: base, adapters: adapters) }
        self.name = name
        self.adapter = adapter
    }

    static func unknown(_ name: String, base: String, adapters: [String]) -> APIError {
        let names = [base] + adapters + adapters.map { "\(base):\($0)" }
        let near = NearNames.find(name, among: names)
        let hint = near.isEmpty ? "GET /v1/models lists what is served" : "did you mean \(near.map { "'\($0)'" }.joined(separator: ", "))?"
        return .notFound("the model '\(name.prefix(200))' does not exist; \(hint)", param: "model", code: "model_not_found")
    }
}

/// The adapters of a request, which may be named in three places. Places that disagree are refused: none is taken in silence.
enum AdapterChoice {
    /// - Parameters:
    ///   - model: the adapter in `model`. It names no parameters, so it agrees with any list of just that adapter.
    ///   - header, body: nil when absent.
    static func combine(model: String?, header: [AdapterSelection]?, body: [AdapterSelection]?) throws(APIError) -> [AdapterSelection] {
        if let header, let body, header != body {
            throw .bad(
                "adapters", "header \(AdapterHeader.name.rawName) and field adapters disagree; send one of them, or the same in both")
        }
        guard let list = header ?? body else { return model.map { [AdapterSelection(name: $0)] } ?? [] }
        if let model, list.map(\.name) != [model] {
            throw .bad(
                "model",
                "model names the adapter '\(model)', but \(header == nil ? "field adapters" : "header \(AdapterHeader.name.rawName)") names \(list.isEmpty ? "none" : list.map { "'\($0.name)'" }.joined(separator: ", "))"
            )
        }
        return list
    }
}
