import ArgumentParser
import Checkpoints
import Foundation
import Jinja
import Terminal
import Texts
import Tokenizers

/// `resa render`: what a chat template makes of messages.
struct Render: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Render messages with a model's chat template.",
        discussion: """
            Prints the rendered text and nothing else. FILE holds JSON: a list of messages, or an object with "messages", "tools" and \
            whatever else the template reads, such as "enable_thinking". "-" reads standard input.
            """)

    @Option(help: "Take template and tokens from this model: a Hugging Face folder or a .gguf file.")
    var model: String?

    @Option(help: ArgumentHelp("Take the template from this file.", valueName: "file"))
    var template: String?

    @Option(help: ArgumentHelp("The messages.", valueName: "file"))
    var messages: String

    @Option(help: "The beginning-of-sequence token's text. (default: the model's, or nothing)")
    var bos: String?

    @Option(help: "The end-of-sequence token's text. (default: the model's, or nothing)")
    var eos: String?

    @Flag(help: "End after the last message, without the opening of the assistant's turn.")
    var noGenerationPrompt = false

    func validate() throws {
        if model == nil && template == nil { throw ValidationError("give --model PATH or --template FILE") }
        if model != nil && template != nil { throw ValidationError("give either --model or --template, not both") }
    }

    func run() throws {
        let templates = try openTemplates()
        let conversation = try Conversation(contents: try InputFile.data(messages), file: messages)
        Console.print(
            try templates.choose(hasTools: conversation.tools != nil).render(
                messages: conversation.messages, tools: conversation.tools, addGenerationPrompt: !noGenerationPrompt,
                extra: conversation.extra))
    }

    private func openTemplates() throws -> ChatTemplates {
        var (sources, bosToken, eosToken) = ([String: String](), bos ?? "", eos ?? "")
        if let template {
            sources["default"] = try InputFile.text(template)
        } else {
            let checkpoint = try Checkpoint.open(path: model ?? "")
            let tokenizer = try Tokenizer.open(checkpoint)
            (sources, bosToken, eosToken) = (checkpoint.chatTemplates, bos ?? tokenizer.bosText, eos ?? tokenizer.eosText)
        }
        guard let templates = ChatTemplates(sources: sources, bosToken: bosToken, eosToken: eosToken) else {
            throw CommandError("\(model ?? "") has no chat template; give one with --template")
        }
        return templates
    }
}
