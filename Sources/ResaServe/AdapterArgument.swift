import AdapterRegistry
import Adapters
import Foundation

/// What an `--adapter` option names, written as in the header `Resa-Adapters`: `r1-sae;layer=12;latent=4637;op=add;value=6`, several with commas
/// between them.
enum AdapterArgument {
    private static let known = [
        "scale", "layer", "at", "mode", "top", "scope", "from", "to", "latent", "op", "value", "when", "above", "when-adapter",
        "when-layer", "when-at",
    ]

    /// What a wrong argument is told; ArgumentParser shows it as the option's help.
    static let form =
        "NAME[;scale=X][;layer=N][;at=resid|mlp][;mode=observe|splice|edit][;latent=N;op=set|add|scale|ablate|clamp;value=X][;scope=prompt|generated|think][;from=N][;to=N][;when=LATENT;above=X][;top=N][, NAME...]"

    /// - Throws: `CommandError` naming the parameter at fault.
    static func parse(_ text: String) throws(CommandError) -> [AdapterSelection] {
        var selections: [AdapterSelection] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let next = try selection(String(part))
            guard selections.merge(next) else {
                throw CommandError("'\(next.name)' is there twice with edits, but scale, mode, top or scope differ")
            }
        }
        return selections
    }

    private static func selection(_ text: String) throws(CommandError) -> AdapterSelection {
        var parts = text.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
        let name = parts.removeFirst()
        guard !name.isEmpty else { throw CommandError("an adapter needs a name") }
        var values: [String: String] = [:]
        for part in parts {
            let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard sides.count == 2, known.contains(sides[0]), values[sides[0]] == nil else {
                throw CommandError("'\(part)' is no parameter of an adapter; known are \(known.joined(separator: ", "))")
            }
            values[sides[0]] = sides[1].trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        }
        var selection = AdapterSelection(name: name)
        selection.scale = try number(values, "scale")
        selection.layer = try whole(values, "layer")
        selection.at = try choice(values, "at")
        selection.mode = try choice(values, "mode")
        selection.top = try whole(values, "top")
        selection.scope = try scope(values)
        selection.when = try condition(values)
        if let latent = try whole(values, "latent") {
            guard let operation: LatentEdit.Operation = try choice(values, "op") else { throw CommandError("an edit needs op") }
            let value = try number(values, "value")
            guard value != nil || operation == .ablate else { throw CommandError("the edit '\(operation.rawValue)' needs value") }
            selection.edits = [LatentEdit(latent: latent, op: operation, value: value ?? 0)]
        } else if values["op"] != nil || values["value"] != nil {
            throw CommandError("op and value go with latent")
        }
        return selection
    }

    private static func condition(_ values: [String: String]) throws(CommandError) -> ConditionSelection? {
        guard let latent = try whole(values, "when"), let above = try number(values, "above") else {
            guard !known.contains(where: { ($0.hasPrefix("when") || $0 == "above") && values[$0] != nil }) else {
                throw CommandError("a condition needs when=LATENT and above=ACTIVATION")
            }
            return nil
        }
        return ConditionSelection(
            latent: latent, above: above, adapter: values["when-adapter"], layer: try whole(values, "when-layer"),
            at: try choice(values, "when-at"))
    }

    private static func scope(_ values: [String: String]) throws(CommandError) -> InterventionScope {
        let name = values["scope"] ?? "all"
        guard var scope = InterventionScope(name: name) else {
            throw CommandError("scope is '\(name)', but must be one of \(InterventionScope.names)")
        }
        let (from, to) = (try whole(values, "from"), try whole(values, "to"))
        if from != nil || to != nil {
            guard (from ?? 0) >= 0, (from ?? 0) <= (to ?? .max) else { throw CommandError("from and to make no window") }
            scope.positions = (from ?? 0)..<(to ?? .max)
        }
        return scope
    }

    private static func number(_ values: [String: String], _ name: String) throws(CommandError) -> Float? {
        guard let text = values[name] else { return nil }
        guard let number = Float(text), number.isFinite else { throw CommandError("\(name) is '\(text)', but must be a number") }
        return number
    }

    private static func whole(_ values: [String: String], _ name: String) throws(CommandError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text) else { throw CommandError("\(name) is '\(text)', but must be a whole number") }
        return number
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ values: [String: String], _ name: String
    ) throws(CommandError) -> Choice? where Choice.RawValue == String {
        guard let text = values[name] else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw CommandError("\(name) is '\(text)', but must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }
}
