import ArgumentParser
import Checkpoints
import Foundation
import Jinja
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
        let template = try openTemplate()
        let conversation = try Conversation(file: messages)
        Console.print(
            try template.render(
                messages: conversation.messages, tools: conversation.tools, addGenerationPrompt: !noGenerationPrompt,
                extra: conversation.extra))
    }

    private func openTemplate() throws -> ChatTemplate {
        if let template {
            let source = try InputFile.text(template)
            return try ChatTemplate(source: source, bosToken: bos ?? "", eosToken: eos ?? "")
        }
        let checkpoint = try Checkpoint.open(path: model ?? "")
        guard let source = checkpoint.chatTemplate else {
            throw CommandError("\(checkpoint.path) has no chat template; give one with --template")
        }
        let tokenizer = try Tokenizer.open(checkpoint)
        return try ChatTemplate(source: source, bosToken: bos ?? tokenizer.bosText, eosToken: eos ?? tokenizer.eosText)
    }
}
