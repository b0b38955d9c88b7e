import Adapters
import HTTPTypes
import JSONText
import RawStructuredFieldValues

/// What a response says about adapters: the `resa` object of its body and the header `Resa-Applied`.
enum ResaFields {
    static let appliedHeader = HTTPField.Name("Resa-Applied")!

    static func applied(_ reports: [AppliedReport]) -> JSON {
        .array(reports.map(json))
    }

    private static func json(_ report: AppliedReport) -> JSON {
        var object = JSONObject([
            ("name", .string(report.name)), ("digest", .string(report.digest)), ("kind", .string(report.kind.rawValue)),
        ])
        if let scale = report.scale { object["scale"] = .float(scale) }
        if let hookpoint = report.hookpoint { object["hookpoint"] = .string(hookpoint.description) }
        if let mode = report.mode { object["mode"] = .string(mode.rawValue) }
        if !report.edits.isEmpty {
            object["edits"] = .array(
                report.edits.map { ["latent": .int($0.latent), "op": .string($0.op.rawValue), "value": .float($0.value)] })
        }
        if let scope = report.scope, scope != .all { object["scope"] = self.scope(scope) }
        if let top = report.top { object["top"] = .int(top) }
        return .object(object)
    }

    private static func scope(_ scope: InterventionScope) -> JSON {
        if case .window(let range) = scope { return ["from": .int(range.lowerBound), "to": .int(range.upperBound)] }
        return .string(scope.description)
    }

    /// An RFC 9651 list: `r1-sae;digest="sha256:…";kind=sae;scale=1.0;mode=edit;layer=12;at=resid;edits=1`.
    static func header(_ reports: [AppliedReport]) -> String? {
        guard !reports.isEmpty else { return nil }
        var serializer = StructuredFieldValueSerializer()
        let items = reports.map { report in
            var parameters = OrderedMap<String, RFC9651BareItem>()
            parameters["digest"] = .string(report.digest)
            parameters["kind"] = .token(report.kind.rawValue)
            // A structured decimal has three digits after the point.
            let thousandths = (Double(report.scale ?? 0) * 1000).rounded()
            if report.scale != nil, abs(thousandths) < 1e14 {
                parameters["scale"] = .decimal(PseudoDecimal(mantissa: Int(thousandths), exponent: -3))
            }
            if let mode = report.mode { parameters["mode"] = .token(mode.rawValue) }
            if let hookpoint = report.hookpoint {
                parameters["layer"] = .integer(Int64(hookpoint.layer))
                parameters["at"] = .token(hookpoint.site.rawValue)
            }
            if !report.edits.isEmpty { parameters["edits"] = .integer(Int64(report.edits.count)) }
            return ItemOrInnerList.item(Item(bareItem: bareName(report.name), parameters: parameters))
        }
        return (try? serializer.writeListFieldValue(items)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func bareName(_ name: String) -> RFC9651BareItem {
        if name.structuredHeadersIsValidToken { return .token(name) }
        return name.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } ? .string(name) : .displayString(name)
    }
}
