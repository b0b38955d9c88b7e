import AdapterRegistry
import ArgumentParser
import Foundation

/// `resa models`: getting checkpoints.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Fetch checkpoints.", subcommands: [PullModel.self])
}

/// `resa models pull`.
struct PullModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch a checkpoint: configuration, tokenizer, and its safetensors shards or .gguf file.",
        discussion: "Interrupted, it goes on where it ended when it is run again. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured.")

    @OptionGroup var options: PullOptions

    @Option(help: ArgumentHelp("The folder of models that it is added to. (default: models in $RESA_HOME)", valueName: "folder"))
    var to: String?

    func run() async throws {
        let parent =
            to.map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? AdapterStore.standard().root.appendingPathComponent("models", isDirectory: true)
        try await options.pull(.model, into: parent)
    }
}
