import Jinja
import Testing

struct ChatTemplateTests {
    private static let primed =
        "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}"
        + "{% if add_generation_prompt %}<assistant><think>\n{% endif %}"

    @Test func rendersWithTheModelsTokens() throws {
        let template = try ChatTemplate(source: Self.primed, bosToken: "<s>", eosToken: "</s>")
        let messages: [Value] = [["role": "user", "content": "Hi"]]
        #expect(try template.render(messages: messages, addGenerationPrompt: true) == "<s>user:Hi</s><assistant><think>\n")
        #expect(try template.render(messages: messages, addGenerationPrompt: false) == "<s>user:Hi</s>")
    }

    @Test func toolsAreNoneUnlessGiven() throws {
        let template = try ChatTemplate(source: "{{ tools is none }} {{ tools is defined }} {{ flag }}", bosToken: "", eosToken: "")
        #expect(try template.render(messages: [], addGenerationPrompt: false) == "True True ")
        #expect(try template.render(messages: [], tools: [], addGenerationPrompt: false, extra: ["flag": true]) == "False True True")
    }

    @Test func detectsAnOpenThinkBlock() {
        #expect(ChatTemplate.endsInsideThinkBlock("<｜Assistant｜><think>\n"))
        #expect(ChatTemplate.endsInsideThinkBlock("<think>"))
        #expect(!ChatTemplate.endsInsideThinkBlock("<think>\n\n</think>\n\n"))
        #expect(!ChatTemplate.endsInsideThinkBlock("what is <think>?<assistant>"))
        #expect(!ChatTemplate.endsInsideThinkBlock(""))
    }
}
