import AdapterRegistry
import ArgumentParser
import Downloads
import Foundation
import Terminal

/// `resa adapters pull`.
struct PullAdapter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch an adapter from the Hub, the web or this machine, into the store.",
        discussion: "Interrupted, it goes on where it ended when it is run again. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured.")

    @OptionGroup var options: PullOptions

    @Option(
        name: [.customLong("to"), .customLong("adapters")],
        help: ArgumentHelp("The folder of adapters that it is added to, instead of the store.", valueName: "folder"))
    var folder: String?

    func run() async throws {
        if let folder {
            try await options.pull(.adapter, into: URL(fileURLWithPath: folder, isDirectory: true))
        } else {
            try await pullIntoStore()
        }
    }

    /// Says on standard output what `add` says: the name and the digest.
    private func pullIntoStore() async throws {
        let source = try PullSource(options.source)
        try options.check(source)
        let reference = try AdapterReference(options.name ?? source.name)
        let store = AdapterStore.standard()
        let puller = Puller(hub: try HubEnvironment.read(), settings: options.settings)
        let display = PullDisplay(source.description)
        let result: StorePull.Result
        do {
            result = try await StorePull(store: store, puller: puller).pull(
                source, as: reference, selection: options.selection(.adapter), sha256: options.sha256?.lowercased()
            ) { display.show($0) }
        } catch {
            display.breakOff()
            throw error
        }
        display.finish()
        if options.json { return try Console.printJSON(StorePullReport(result, reference, store)) }
        if let pulled = result.pulled { options.note(pulled) }
        Console.printLine("\(reference) \(result.manifest.digest)")
    }
}
