import Jinja
import Testing
import Texts

/// Messages from a file.
@Suite struct ConversationTests {
    private func read(_ text: String) throws -> Conversation { try Conversation(contents: Array(text.utf8), file: "here") }

    @Test func listsAndObjects() throws {
        let list = try read("[{\"role\": \"user\", \"content\": \"Hi\"}]")
        #expect(list.messages.count == 1 && list.tools == nil && list.extra.isEmpty)
        let object = try read("{\"messages\": [{\"role\": \"user\"}, {}], \"tools\": [1], \"enable_thinking\": true}")
        #expect(object.messages.count == 2 && object.tools != nil && Array(object.extra.keys) == ["enable_thinking"])
        #expect(try read("{\"messages\": [], \"tools\": null}").tools == nil)
    }

    @Test(arguments: [
        ("nonsense", "not valid JSON"), ("7", "neither a list of messages"), ("{}", "'messages' is missing"),
        ("[{}, 1]", "message 1 is no object"),
    ])
    func whatIsWrong(text: String, problem: String) {
        #expect { try read(text) } throws: { "\($0)".hasPrefix("here: ") && "\($0)".contains(problem) }
    }
}
