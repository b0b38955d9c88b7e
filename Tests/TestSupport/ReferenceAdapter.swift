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

    package struct When: Decodable, Sendable {
        package var latent: Int
        package var above: Float
        var name: String?
        /// Where another SAE reads; nil for the adapter's own.
        package var hookpoint: String?
    }

    package var name: String
    var scale: Float?
    package var hookpoint: String?
    var mode: InterventionMode?
    var edits: [Edit]?
    var strength: Float?
    var scope: Scope?
    package var when: When?

    /// The same choice as a request would make it, reporting every selected latent.
    package var selection: AdapterSelection {
        get throws {
            guard let hookpoint else { return AdapterSelection(name: name, scale: scale) }
            let point = try Self.hookpoint(hookpoint)
            var selection = AdapterSelection(
                name: name, scale: strength, layer: point.layer, at: point.site, mode: mode,
                edits: (edits ?? []).map { LatentEdit(latent: $0.latent, op: $0.op, value: $0.value ?? 0) }, top: 1024)
            switch scope {
            case .named(let name):
                guard let scope = InterventionScope(name: name) else { throw Unknown(name: name) }
                selection.scope = scope
            case .window(let first, let end): selection.scope = .window(first..<end)
            case nil: break
            }
            if let when {
                var condition = ConditionSelection(latent: when.latent, above: when.above, adapter: when.name)
                if let place = when.hookpoint {
                    let point = try Self.hookpoint(place)
                    (condition.layer, condition.at) = (point.layer, point.site)
                }
                selection.when = condition
            }
            return selection
        }
    }

    private static func hookpoint(_ name: String) throws -> HookPoint {
        guard let point = HookPoint(name) else { throw Unknown(name: name) }
        return point
    }
}

/// A hookpoint or scope that the scripts name and nobody knows.
private struct Unknown: Error {
    let name: String
}

extension LatentEdit.Operation: Decodable {}
extension InterventionMode: Decodable {}
