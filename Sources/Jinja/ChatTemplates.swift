/// A model's chat templates by name. Most models have one, `default`; `tool_use` is for conversations with tools.
package struct ChatTemplates: Sendable {
    private let templates: [String: Result<ChatTemplate, JinjaError>]

    /// Nil when there are no sources. One that cannot be parsed is refused when it is asked for.
    package init?(sources: [String: String], bosToken: String, eosToken: String) {
        guard !sources.isEmpty else { return nil }
        templates = sources.mapValues { source in
            Result { () throws(JinjaError) in try ChatTemplate(source: source, bosToken: bosToken, eosToken: eosToken) }
        }
    }

    package var names: [String] { templates.keys.sorted() }

    /// The template that `transformers` takes: the one asked for by name; with tools `tool_use`, if there is one; else `default`.
    /// - Throws: `ChatTemplateError`.
    package func choose(named name: String? = nil, hasTools: Bool = false) throws(ChatTemplateError) -> ChatTemplate {
        let chosen = name ?? (hasTools && templates["tool_use"] != nil ? "tool_use" : "default")
        guard let template = templates[chosen] else {
            throw name == nil ? .noDefault(names: names) : .unknown(name: chosen, names: names)
        }
        do { return try template.get() } catch { throw .unusable(error) }
    }
}

/// Why there is no chat template to render with.
package enum ChatTemplateError: Error, Equatable, CustomStringConvertible {
    case noDefault(names: [String])
    case unknown(name: String, names: [String])
    case unusable(JinjaError)

    package var description: String {
        switch self {
        case .noDefault(let names): "there is no template named default; there are \(names.joined(separator: ", "))"
        case .unknown(let name, let names): "there is no template named '\(name.prefix(80))'; there are \(names.joined(separator: ", "))"
        case .unusable(let error): "\(error)"
        }
    }
}
