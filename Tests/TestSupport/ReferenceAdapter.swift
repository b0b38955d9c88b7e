import AdapterRegistry
import Adapters

/// An adapter as the reference scripts name it (`Tests/Reference/interventions.py`).
package struct ReferenceAdapter: Decodable, Sendable {
    struct Edit: Decodable, Sendable {
        var latent: Int
        var op: LatentEdit.Operation
        var value: Float?
    }

    enum Scope: Decodable, Sendable {
        case named(String)
        case window(Int, Int)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                self = .named(name)
            } else {
                let bounds = try container.decode([Int].self)
                self = .window(bounds[0], bounds[1])
            }
        }
    }

    package var name: String
    var scale: Float?
    package var hookpoint: String?
    var mode: InterventionMode?
    var edits: [Edit]?
    var strength: Float?
    var scope: Scope?

    /// The same choice as a request would make it, reporting every selected latent.
    package var selection: AdapterSelection {
        get throws {
            guard let hookpoint else { return AdapterSelection(name: name, scale: scale) }
            guard let point = HookPoint(hookpoint) else { throw UnknownHookpoint(name: hookpoint) }
            let scope: InterventionScope =
                switch self.scope {
                case .named("prompt"): .prompt
                case .named("generated"): .generated
                case .window(let first, let end): .window(first..<end)
                default: .all
                }
            return AdapterSelection(
                name: name, scale: strength, layer: point.layer, at: point.site, mode: mode,
                edits: (edits ?? []).map { LatentEdit(latent: $0.latent, op: $0.op, value: $0.value ?? 0) }, scope: scope,
                top: 1024)
        }
    }
}

private struct UnknownHookpoint: Error {
    let name: String
}

extension LatentEdit.Operation: Decodable {}
extension InterventionMode: Decodable {}
