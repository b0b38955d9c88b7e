import AdapterRegistry

/// The report as it is written.
extension AdapterCheck: Encodable {
    private enum Key: String, CodingKey {
        case adapter, model, verdict, reasons, base, layers, modules, lora, text, measurements
    }

    private struct Reason: Encodable {
        let level: String
        let text: String
    }

    private struct Base: Encodable {
        let name: String?
        let path: String?
        let differences: [Difference]
        let unread: [String]
    }

    private struct Difference: Encodable {
        let subject: String
        let text: String
        let matters: Bool
    }

    private struct Text: Encodable {
        let source: String
        let contexts: Int
        let tokens: Int
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(AdapterReport(summary), forKey: .adapter)
        try container.encode(model, forKey: .model)
        try container.encode(verdict.level.rawValue, forKey: .verdict)
        let reasons = verdict.reasons.map { Reason(level: $0.level == .unfit ? "error" : "warning", text: $0.text) }
        try container.encode(reasons, forKey: .reasons)
        let shown = differences.map { Difference(subject: $0.subject.rawValue, text: $0.text, matters: $0.matters) }
        try container.encode(Base(name: summary.baseModel, path: basePath, differences: shown, unread: unread), forKey: .base)
        try container.encode(summary.kind == .lora ? summary.layers : summary.hookpoints.map(\.layer), forKey: .layers)
        try container.encode(summary.modules.map(\.rawValue), forKey: .modules)
        try container.encodeIfPresent(weights, forKey: .lora)
        try container.encode(Text(source: sample, contexts: contexts.count, tokens: tokens), forKey: .text)
        try container.encode(measurements, forKey: .measurements)
    }
}
