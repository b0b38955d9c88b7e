import Foundation

extension RandomCheckpoint {
    /// A model with a byte tokenizer that knows the think tags, a chat template, and byte 0 to end a sequence; returns its folder.
    package mutating func bundle() throws -> URL {
        let folder = try model()
        let tagged: Set = [Int(ByteTokenizer.think), Int(ByteTokenizer.endOfThink)]
        let added = [("<think>", ByteTokenizer.think), ("</think>", ByteTokenizer.endOfThink)].map { tag, id in
            [
                "id": Int(id), "content": tag, "special": false, "normalized": false, "single_word": false, "lstrip": false,
                "rstrip": false,
            ] as [String: Any]
        }
        let tokenizer = ByteTokenizer.file(vocabulary: ByteTokenizer.vocabulary.filter { !tagged.contains($0.value) }, added: added)
        for (name, object) in [("tokenizer.json", tokenizer), ("generation_config.json", ["eos_token_id": 0])] as [(String, [String: Any])]
        {
            try JSONSerialization.data(withJSONObject: object).write(to: folder.appendingPathComponent(name))
        }
        let template =
            "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
        try Data(template.utf8).write(to: folder.appendingPathComponent("chat_template.jinja"))
        return folder
    }
}
