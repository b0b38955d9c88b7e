import AdapterRegistry
import Adapters
import Foundation
import Testing

/// One run of the reference: the tokens of one sequence and the adapters that acted on it (`Tests/Reference/goldens_models.py`).
struct ReferenceCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Adapter: Decodable, Sendable {
        struct Edit: Decodable, Sendable {
            var latent: Int
            var op: LatentEdit.Operation
            var value: Float?
        }

        enum Scope: Decodable, Sendable {
            case named(String)
            case window(Int, Int)

            init(from decoder: any Swift.Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let name = try? container.decode(String.self) {
                    self = .named(name)
                } else {
                    let bounds = try container.decode([Int].self)
                    self = .window(bounds[0], bounds[1])
                }
            }
        }

        var name: String
        var scale: Float?
        var hookpoint: String?
        var mode: InterventionMode?
        var edits: [Edit]?
        var strength: Float?
        var scope: Scope?

        /// The same choice as a request would make it, reporting every selected latent.
        var selection: AdapterSelection {
            get throws {
                guard let hookpoint else { return AdapterSelection(name: name, scale: scale) }
                let point = try #require(HookPoint(hookpoint))
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

    var name: String
    var tokens: [Int32]
    var adapters: [Adapter]
    var promptLength: Int
    /// `all`, or `last`: which positions the reference kept.
    var positions: String

    var testDescription: String { name }
}

extension LatentEdit.Operation: Decodable {}
extension InterventionMode: Decodable {}
