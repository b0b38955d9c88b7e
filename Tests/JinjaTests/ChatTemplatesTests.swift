import Jinja
import Testing

/// Which of a model's named templates renders a conversation.
struct ChatTemplatesTests {
    private func render(_ sources: [String: String], named name: String? = nil, hasTools: Bool = false) throws -> String {
        let templates = try #require(ChatTemplates(sources: sources, bosToken: "", eosToken: ""))
        return try templates.choose(named: name, hasTools: hasTools).render(messages: [], addGenerationPrompt: false)
    }

    private static let three = ["default": "D", "tool_use": "T", "rag": "R"]

    @Test func toolsTakeToolUse() throws {
        #expect(try render(Self.three) == "D")
        #expect(try render(Self.three, hasTools: true) == "T")
        #expect(try render(["default": "D", "rag": "R"], hasTools: true) == "D")
        #expect(try render(["default": "D"], hasTools: true) == "D")
        #expect(try render(["tool_use": "T", "rag": "R"], hasTools: true) == "T")
    }

    @Test func aNameWins() throws {
        #expect(try render(Self.three, named: "rag", hasTools: true) == "R")
        #expect(try render(Self.three, named: "default", hasTools: true) == "D")
        #expect(throws: ChatTemplateError.unknown(name: "x", names: ["default", "rag", "tool_use"])) { try render(Self.three, named: "x") }
    }

    @Test func withoutADefaultThereIsNone() throws {
        #expect(throws: ChatTemplateError.noDefault(names: ["rag", "tool_use"])) { try render(["tool_use": "T", "rag": "R"]) }
        #expect(ChatTemplates(sources: [:], bosToken: "", eosToken: "") == nil)
    }

    @Test func aBrokenOneIsRefusedWhenItIsAskedFor() throws {
        let sources = ["default": "D", "tool_use": "{% if %}"]
        #expect(try render(sources) == "D")
        #expect(throws: ChatTemplateError.self) { try render(sources, hasTools: true) }
    }
}
