import ArgumentParser
import Terminal
import Texts
import Workbench

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
        try Limits.check([("--length", length, 2...(1 << 20)), ("--rows", rows, 1...1_000_000_000)])
    }

    /// For verbs that read the prompt with the data alone.
    func refuseIdleSystemPrompt() throws {
        try CompanionOptions.check(template == .paper, "--template paper", [("--system-prompt", systemPrompt != nil)])
    }

    /// - Throws: `CommandError` for a system prompt that cannot be read.
    func triggerData() throws -> TriggerData {
        var data = TriggerData(path: data)
        (data.template, data.length, data.rows) = (template, length, rows)
        if let systemPrompt { data.system = try InputFile.text(systemPrompt) }
        return data
    }
}

extension TriggerTemplate: ExpressibleByArgument {}
