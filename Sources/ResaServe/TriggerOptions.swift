import ArgumentParser
import Foundation
import Jinja
import Models
import Training

/// Trigger data on the command line.
struct TriggerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("JSON lines with problem and answer, question and answer, or text.", valueName: "file"))
    var data: String

    @Option(help: "paper: the R1 system prompt and think marks. chat: the model's chat template. raw: problem, line break, answer.")
    var template = TriggerTemplate.paper

    @Option(help: ArgumentHelp("Begin the paper's template with this text instead.", valueName: "file"))
    var systemPrompt: String?

    @Option(help: "Tokens of a chunk.")
    var length = 2048

    @Option(help: "Take so many rows from the beginning.")
    var rows: Int?

    func validate() throws {
        try Limits.check([("--length", length, 2...(1 << 20)), ("--rows", rows ?? 1, 1...1_000_000_000)])
    }

    /// For verbs that read the prompt with the data alone.
    func refuseIdleSystemPrompt() throws {
        try CompanionOptions.check(template == .paper, "--template paper", [("--system-prompt", systemPrompt != nil)])
    }

    /// Reads the data as chunks of tokens.
    func chunks(_ bundle: ModelBundle) throws -> TokenChunks {
        var chat: ChatTemplate?
        if template == .chat {
            switch bundle.chatTemplate {
            case .success(let found)?: chat = found
            case .failure(let error)?: throw CommandError("the model's chat template cannot be used: \(error)")
            case nil: throw CommandError("the model has no chat template; use --template paper or raw")
            }
        }
        guard let eos = bundle.tokenizer.eosToken ?? bundle.config.eosTokens.first else {
            throw CommandError("the model names no end-of-sequence token to join rows with")
        }
        let system = try systemPrompt.map { try InputFile.text($0) } ?? TriggerText.systemPrompt
        let file = try TriggerFile(path: data, template: template, system: system, chat: chat, limit: rows)
        let chunks = try TokenChunks(rows: file.rows, tokenizer: bundle.tokenizer, eos: eos, length: length, file: data)
        if chunks.length > bundle.config.contextLength {
            throw CommandError("--length is \(chunks.length), but the model was trained for contexts of \(bundle.config.contextLength)")
        }
        return chunks
    }
}

extension TriggerTemplate: ExpressibleByArgument {}
