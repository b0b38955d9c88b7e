import Adapters

extension [AdapterSelection] {
    /// The value of the header `Resa-Adapters` that says this, an RFC 9651 list with one edit a member. Whoever reads a list of flat members and
    /// writes it gets the same list again.
    package var headerText: String { flatMap(\.members).joined(separator: ", ") }
}

extension AdapterSelection {
    fileprivate var members: [String] {
        let edits = edits.map { edit in
            ";latent=\(edit.latent);op=\(edit.op.rawValue)"
                + (edit.op == .ablate && edit.value == 0 ? "" : ";value=\(Self.number(edit.value))")
        }
        return (edits.isEmpty ? [""] : edits).map { Self.text(name) + parameters + $0 }
    }

    private var parameters: String {
        var text = ""
        func add(_ parameter: SelectionParameter, _ value: String?) { if let value { text += ";\(parameter.rawValue)=\(value)" } }
        add(.scale, scale.map(Self.number))
        add(.layer, layer.map(String.init))
        add(.at, at?.rawValue)
        add(.mode, mode?.rawValue)
        add(.top, top.map(String.init))
        add(.scope, Self.text(scope.name))
        add(.from, scope.positions.map { String($0.lowerBound) })
        add(.to, scope.positions.map { String($0.upperBound) })
        guard let when else { return text }
        add(.when, String(when.latent))
        add(.above, Self.number(when.above))
        add(.conditionAdapter, when.adapter.map(Self.text))
        add(.conditionLayer, when.layer.map(String.init))
        add(.conditionSite, when.at?.rawValue)
        return text
    }

    /// Every digit, as a string: a structured decimal has three of them after the point.
    private static func number(_ value: Float) -> String { "\"\(value)\"" }

    /// A string, or a display string where it holds what a string cannot.
    private static func text(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) {
            return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        let shown = text.utf8.map { byte in
            let isPlain = (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "\"")
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return "%\"" + shown.joined() + "\""
    }
}
