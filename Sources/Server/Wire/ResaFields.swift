import Adapters
import HTTPTypes
import JSONText
import RawStructuredFieldValues

/// What a response says about adapters: the `resa` object of its body and the header `Resa-Applied`.
enum ResaFields {
    static let appliedHeader = HTTPField.Name("Resa-Applied")!

    /// - Parameter splices: how well those of the adapters that splice reconstruct, in their order; empty while nobody knows.
    static func applied(_ reports: [AppliedReport], splices: [SpliceQuality] = []) -> JSON {
        var left = splices[...]
        return .array(reports.map { json($0, $0.mode == .splice ? left.popFirst() : nil) })
    }

    private static func json(_ report: AppliedReport, _ splice: SpliceQuality?) -> JSON {
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
        if let condition = report.condition { object["when"] = when(condition) }
        if let top = report.top { object["top"] = .int(top) }
        if let splice {
            fit(splice.generated, "fvu", into: &object)
            fit(splice.prompt, "prompt_fvu", into: &object)
        }
        return .object(object)
    }

    /// Nothing is said of tokens that there were none of; a single one has no variance, so its FVU is null.
    private static func fit(_ fit: FractionOfVarianceUnexplained, _ key: String, into object: inout JSONObject) {
        guard fit.rows > 0 else { return }
        object[key] = fit.value.map { .float($0) } ?? .null
        object["\(key)_tokens"] = .int(fit.rows)
    }

    private static func when(_ condition: AppliedCondition) -> JSON {
        [
            "adapter": .string(condition.adapter), "digest": .string(condition.digest),
            "hookpoint": .string(condition.hookpoint.description), "latent": .int(condition.latent), "above": .float(condition.above),
        ]
    }

    private static func scope(_ scope: InterventionScope) -> JSON {
        guard let positions = scope.positions else { return .string(scope.name) }
        var object = JSONObject()
        if scope.name != "all" { object["in"] = .string(scope.name) }
        object["from"] = .int(positions.lowerBound)
        object["to"] = .int(positions.upperBound)
        return .object(object)
    }

    /// An RFC 9651 list: `r1-sae;digest="sha256:…";kind=sae;scale=1.0;mode=edit;layer=12;at=resid;edits=1`.
    static func header(_ reports: [AppliedReport]) -> String? {
        guard !reports.isEmpty else { return nil }
        var serializer = StructuredFieldValueSerializer()
        let items = reports.map { report in
            var parameters = OrderedMap<String, RFC9651BareItem>()
            parameters["digest"] = .string(report.digest)
            parameters["kind"] = .token(report.kind.rawValue)
            if let scale = report.scale { parameters["scale"] = number(scale) }
            if let mode = report.mode { parameters["mode"] = .token(mode.rawValue) }
            if let hookpoint = report.hookpoint {
                parameters["layer"] = .integer(Int64(hookpoint.layer))
                parameters["at"] = .token(hookpoint.site.rawValue)
            }
            if !report.edits.isEmpty { parameters["edits"] = .integer(Int64(report.edits.count)) }
            if let condition = report.condition { parameters["when"] = .integer(Int64(condition.latent)) }
            return ItemOrInnerList.item(Item(bareItem: bareName(report.name), parameters: parameters))
        }
        return (try? serializer.writeListFieldValue(items)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A structured decimal has three digits after the point; what it cannot say is a string, as in the header of the request.
    private static func number(_ value: Float) -> RFC9651BareItem {
        let thousandths = (Double(value) * 1000).rounded()
        guard abs(thousandths) < 1e14, Float(thousandths / 1000) == value else { return .string("\(value)") }
        return .decimal(PseudoDecimal(mantissa: Int(thousandths), exponent: -3))
    }

    private static func bareName(_ name: String) -> RFC9651BareItem {
        if name.structuredHeadersIsValidToken { return .token(name) }
        return name.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } ? .string(name) : .displayString(name)
    }
}
