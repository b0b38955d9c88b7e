import AdapterRegistry
import ArgumentParser
import Foundation

/// `resa adapters pull`.
struct PullAdapter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch an adapter from the Hub, the web or this machine.",
        discussion: "Interrupted, it goes on where it ended when it is run again. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured.")

    @OptionGroup var options: PullOptions

    @Option(
        name: [.customLong("to"), .customLong("adapters")],
        help: ArgumentHelp("The folder of adapters that it is added to. (default: adapters in $RESA_HOME)", valueName: "folder"))
    var folder: String?

    func run() async throws {
        let parent =
            folder.map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? AdapterStore.standard().root.appendingPathComponent("adapters", isDirectory: true)
        try await options.pull(.adapter, into: parent)
    }
}
