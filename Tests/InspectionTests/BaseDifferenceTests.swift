import Foundation
import Inspection
import RandomModels
import Testing

/// What is told about a model that is not the adapter's base.
@Suite struct BaseDifferenceTests {
    /// A folder with a configuration, a byte tokenizer and a template, and no weights.
    private func facts(
        config: [String: Any] = [:], swap: Bool = false, template: String? = "{{ messages[0]['content'] }}"
    ) throws -> BaseFacts {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let standard: [String: Any] = [
            "architectures": ["LlamaForCausalLM"], "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 2, "intermediate_size": 48, "vocab_size": 256, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "hidden_act": "silu",
        ]
        func write(_ object: [String: Any], _ name: String) throws {
            try JSONSerialization.data(withJSONObject: object).write(to: folder.appendingPathComponent(name))
        }
        try write(standard.merging(config) { $1 }, "config.json")
        var vocab = ByteTokenizer.vocabulary
        if swap { (vocab["a"], vocab["b"]) = (vocab["b"], vocab["a"]) }
        try write(ByteTokenizer.file(vocabulary: vocab), "tokenizer.json")
        if let template { try Data(template.utf8).write(to: folder.appendingPathComponent("chat_template.jinja")) }
        let facts = BaseFacts(path: folder.path)
        #expect(facts.problems == [] && !facts.isEmpty)
        return facts
    }

    private func differences(_ model: BaseFacts, _ base: BaseFacts) -> [BaseDifference] {
        BaseDifference.find(in: model, against: base, sample: "a ferry, and b")
    }

    private func only(_ differences: [BaseDifference]) throws -> BaseDifference {
        try #require(differences.count == 1 ? differences[0] : nil, "wanted one difference, got \(differences.map(\.text))")
    }

    @Test func equalModelsDoNotDiffer() throws {
        #expect(differences(try facts(), try facts()) == [])
    }

    @Test func ropeIsComparedByItsFrequencies() throws {
        let plain = try facts()
        let difference = try only(differences(plain, try facts(config: ["rope_theta": 500000.0])))
        #expect(difference.subject == .rope && difference.matters && difference.text.contains("500000"))
        // Written in another way, and the same.
        #expect(
            differences(plain, try facts(config: ["rope_parameters": ["rope_theta": 10000.0, "rope_type": "default"] as [String: Any]]))
                == [])
        #expect(
            differences(plain, try facts(config: ["rope_scaling": ["rope_type": "linear", "factor": 1.0] as [String: Any]])) == [])
        #expect(
            differences(plain, try facts(config: ["rope_scaling": ["rope_type": "linear", "factor": 2.0] as [String: Any]])).map(\.subject)
                == [.rope])
    }

    @Test func sizesAreNamed() throws {
        let found = differences(try facts(), try facts(config: ["num_hidden_layers": 4, "max_position_embeddings": 1024]))
        #expect(found.map(\.text) == ["layers 2, the base's 4", "context length 512, the base's 1024"])
        #expect(found.map(\.matters) == [true, false])
    }

    @Test func tokenizersAreComparedIdById() throws {
        let difference = try only(differences(try facts(), try facts(swap: true)))
        #expect(difference.subject == .tokenizer && difference.matters)
        #expect(difference.text.hasPrefix("2 token ids stand for something else, as 97: \"a\", the base's \"b\""))
    }

    @Test func templatesAreComparedByWhatTheyMake() throws {
        let plain = try facts()
        let same = try only(differences(plain, try facts(template: "{# said otherwise #}{{ messages[0].content }}")))
        #expect(same.subject == .template && !same.matters)
        let other = try only(differences(plain, try facts(template: "User: {{ messages[0].content }}")))
        #expect(other.subject == .template && other.matters)
        let broken = try only(differences(plain, try facts(template: "{% if %}")))
        #expect(broken.matters)
        let missing = try only(differences(try facts(template: nil), plain))
        #expect(missing.matters && missing.text.contains("no chat template"))
        #expect(differences(plain, try facts(template: nil)) == [])
    }

    @Test func whatIsMissingOrBrokenIsNotCompared() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(BaseFacts(path: folder.path).isEmpty)
        try Data("{".utf8).write(to: folder.appendingPathComponent("config.json"))
        try Data("[]".utf8).write(to: folder.appendingPathComponent("tokenizer.json"))
        let broken = BaseFacts(path: folder.path)
        #expect(broken.isEmpty && broken.problems.count == 2)
        #expect(differences(try facts(), broken) == [])
        #expect(BaseFacts(path: folder.path + "/none.gguf").problems.count == 1)
    }
}
