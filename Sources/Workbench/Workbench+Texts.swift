import Jinja
import Models
import Texts
import Tokenizers

/// Trigger data, and how it becomes tokens.
package struct TriggerData: Sendable {
    package var path: String
    package var template = TriggerTemplate.paper
    /// What the paper's template begins with.
    package var system = TriggerText.systemPrompt
    /// Tokens of a chunk.
    package var length = 2048
    /// Rows taken from the beginning; nil for all.
    package var rows: Int?

    package init(path: String) { self.path = path }
}

extension Workbench {
    /// The template for conversations, with tools or without.
    /// - Parameter advice: what to do when there is none.
    /// - Throws: `WorkbenchError`.
    package func chatTemplate(hasTools: Bool = false, orElse advice: String) throws(WorkbenchError) -> ChatTemplate {
        guard let templates = bundle.chatTemplates else { throw .noChatTemplate(model: bundle.name, advice: advice) }
        do {
            return try templates.choose(hasTools: hasTools)
        } catch {
            throw .unusableChatTemplate(model: bundle.name, reason: "\(error)", advice: advice)
        }
    }

    /// A conversation as the model's template writes it, up to the answer.
    /// - Parameter advice: what to do when there is no template.
    /// - Throws: `WorkbenchError`, `JinjaError` when the template refuses the messages.
    package func prompt(_ conversation: Conversation, orElse advice: String) throws -> [Int32] {
        let template = try chatTemplate(hasTools: conversation.tools != nil, orElse: advice)
        let text = try template.render(
            messages: conversation.messages, tools: conversation.tools, addGenerationPrompt: true, extra: conversation.extra)
        // The template has written the special tokens itself.
        return bundle.tokenizer.encode(text, addSpecialTokens: false)
    }

    /// What ends a row of text.
    package func endOfSequence() throws(WorkbenchError) -> Int32 {
        guard let eos = bundle.tokenizer.eosToken ?? bundle.config.eosTokens.first else { throw .noEndOfSequence }
        return eos
    }

    /// Trigger data as chunks of tokens.
    /// - Throws: `WorkbenchError`, `TextError` naming the line at fault, `CheckpointError` for a file that cannot be read.
    package func chunks(_ data: TriggerData) throws -> TokenChunks {
        let chat: ChatTemplate? =
            if data.template == .chat {
                switch bundle.chatTemplate {
                case .success(let found)?: found
                case .failure(let error)?: throw WorkbenchError.unusableChatTemplate(model: nil, reason: "\(error)", advice: nil)
                case nil: throw WorkbenchError.noChatTemplate(model: nil, advice: "use --template paper or raw")
                }
            } else {
                nil
            }
        let eos = try endOfSequence()
        let file = try TriggerFile(path: data.path, template: data.template, system: data.system, chat: chat, limit: data.rows)
        let chunks = try TokenChunks(rows: file.rows, tokenizer: bundle.tokenizer, eos: eos, length: data.length, file: data.path)
        guard chunks.length <= bundle.config.contextLength else {
            throw WorkbenchError.chunksTooLong(length: chunks.length, limit: bundle.config.contextLength)
        }
        return chunks
    }
}
