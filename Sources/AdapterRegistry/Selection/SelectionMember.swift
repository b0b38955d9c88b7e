import Foundation
import JSONText

/// A member of a flat list: a name with parameters, `r1-sae;layer=12;latent=4637;op=add;value=6`. Header and command line are such lists.
package struct SelectionMember: SelectionSource {
    package let adapter: String
    package let isFlat = true
    private var values: [SelectionParameter: JSON] = [:]

    /// - Throws: for a name that is empty, and parameters that are not known or given twice.
    package init(_ adapter: String, _ parameters: some Sequence<(String, JSON)>) throws(SelectionError) {
        guard !adapter.isEmpty else { throw SelectionError(nil, "has a member without an adapter's name") }
        self.adapter = adapter
        for (key, value) in parameters {
            guard let parameter = SelectionParameter(rawValue: key) else {
                throw SelectionError(
                    "\(key.prefix(40)) of '\(adapter.prefix(200))'",
                    "is not a parameter of adapters; they are \(SelectionParameter.names)")
            }
            guard values.updateValue(value, forKey: parameter) == nil else { throw SelectionError(name(of: parameter), "is there twice") }
        }
    }

    package var hasCondition: Bool {
        [.when, .above, .conditionAdapter, .conditionLayer, .conditionSite].contains { values[$0] != nil }
    }

    package var edits: [SelectionMember] { [.latent, .op, .value].contains { values[$0] != nil } ? [self] : [] }

    package subscript(parameter: SelectionParameter) -> JSON? { values[parameter] }

    package func name(of parameter: SelectionParameter) -> String { "\(parameter.rawValue) of '\(adapter.prefix(200))'" }

    package func form(of parameter: SelectionParameter) -> String {
        let value =
            switch parameter {
            case .latent, .when: "LATENT"
            case .above: "ACTIVATION"
            case .scope, .at, .mode, .op, .conditionAdapter, .conditionSite: "NAME"
            case .scale, .layer, .top, .from, .to, .value, .conditionLayer: "NUMBER"
            }
        return ", as \(parameter.rawValue)=\(value)"
    }
}

extension SelectionList {
    /// Adds what an option of the command line names: members as the header has them, in which nothing but commas, semicolons and what is around
    /// blanks has to be quoted.
    package mutating func add(text: String) throws(SelectionError) {
        for member in try FlatText.split(text[...], at: ",") {
            var parts = try FlatText.split(member, at: ";")
            let name = try FlatText.value(parts.removeFirst())
            var parameters: [(String, JSON)] = []
            for part in parts {
                let sides = try FlatText.split(part, at: "=")
                guard sides.count == 2 else { throw SelectionError("'\(part)' of '\(name)'", "is no parameter; write NAME=VALUE") }
                parameters.append((try FlatText.value(sides[0]), .string(try FlatText.value(sides[1]))))
            }
            try add(try SelectionMember(name, parameters))
        }
    }
}

/// How texts stand in flat lists: as they are, or, with quotes, as the strings and display strings of RFC 9651.
private enum FlatText {
    /// The parts between separators that stand outside quotes.
    static func split(_ text: Substring, at separator: Character) throws(SelectionError) -> [Substring] {
        var parts: [Substring] = []
        var (start, isQuoted, isEscaped) = (text.startIndex, false, false)
        for index in text.indices {
            switch text[index] {
            case _ where isEscaped: isEscaped = false
            case "\\" where isQuoted: isEscaped = true
            case "\"": isQuoted.toggle()
            case separator where !isQuoted:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        guard !isQuoted else { throw SelectionError(nil, "has a quote that is not closed: \(text)") }
        return parts + [text[start...]]
    }

    static func value(_ part: Substring) throws(SelectionError) -> String {
        let text = part.trimmingCharacters(in: .whitespaces)
        let isDisplayed = text.hasPrefix("%\"")
        let quoted = isDisplayed ? text.dropFirst() : text[...]
        guard quoted.contains("\"") else { return text }
        let inner = quoted.dropFirst().dropLast()
        var (value, isEscaped) = ("", false)
        for character in inner {
            guard isEscaped || character != "\"" else { throw SelectionError(nil, "has a quote inside a name or value: \(text)") }
            isEscaped = !isDisplayed && !isEscaped && character == "\\"
            if !isEscaped { value.append(character) }
        }
        guard quoted.count >= 2, quoted.first == "\"", quoted.last == "\"", !isEscaped,
            let decoded = isDisplayed ? value.removingPercentEncoding : value
        else { throw SelectionError(nil, "has a quote inside a name or value: \(text)") }
        return decoded
    }
}
