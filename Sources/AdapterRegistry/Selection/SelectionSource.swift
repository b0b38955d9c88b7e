import JSONText

/// Where the grammar of selections finds what is said about one adapter. A header's member, an option's and an object of a body are sources;
/// they say how a parameter is spelled and decide nothing about it.
package protocol SelectionSource {
    /// The adapter's name, as it is written.
    var adapter: String { get }
    /// Whether several edits of one SAE are several members, each with one of them, because a member has no lists.
    var isFlat: Bool { get }
    /// Whether there is a condition, be it half of one.
    var hasCondition: Bool { get }
    /// One source for each edit, of which only `latent`, `op` and `value` are read.
    var edits: [Self] { get }

    /// What is written for a parameter; nil when nothing is. Texts may stand for numbers where the spelling is flat.
    subscript(parameter: SelectionParameter) -> JSON? { get }
    /// What errors call the parameter.
    func name(of parameter: SelectionParameter) -> String
    /// What to write for it, where its name does not tell; else empty.
    func form(of parameter: SelectionParameter) -> String
}

/// What can be said about an adapter. The raw value is its name where members are flat.
package enum SelectionParameter: String, CaseIterable, Sendable {
    case scale, layer, at, mode, top, scope, from, to, latent, op, value, when, above
    case conditionAdapter = "when-adapter"
    case conditionLayer = "when-layer"
    case conditionSite = "when-at"
}

/// Why a selection cannot be one.
package struct SelectionError: Error, Equatable, CustomStringConvertible {
    /// What is at fault, as it was spelled: `adapters[1].edits[0].op`, `op of 'r1-sae'`; nil for the list as a whole.
    package let place: String?
    /// What follows the place.
    package let problem: String

    package init(_ place: String?, _ problem: String) {
        self.place = place
        self.problem = problem
    }

    package var description: String { place.map { "\($0) \(problem)" } ?? problem }
}
