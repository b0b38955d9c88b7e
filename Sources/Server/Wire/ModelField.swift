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
