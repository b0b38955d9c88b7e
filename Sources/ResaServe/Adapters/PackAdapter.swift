import AdapterRegistry
import ArgumentParser
import Foundation
import Terminal

/// `resa adapters pack`.
struct PackAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack", abstract: "Write an adapter into one .resa file.",
        discussion: "Equal files give equal packs, whatever their times and place. Hidden files are left out.")

    @Argument(help: "The adapter's folder, or its name in the store.")
    var adapter: String

    @Option(name: [.short, .long], help: "The file to write.")
    var output: String

    @Option(help: "zstd's level, 1 (fast) to 19 (small).")
    var level = PackWriter.standardLevel

    @Option(help: "Sign with this secret key, see 'resa adapters keygen'.")
    var sign: String?

    @Flag(help: "Replace the file if it is there.")
    var force = false

    func validate() throws {
        guard PackWriter.levels.contains(level) else { throw ValidationError("--level is \(level), but must be from 1 to 19") }
    }

    func run() throws {
        let writer = PackWriter(level: level, key: try sign.map { try PackSecretKey(path: $0) })
        let folder = URL(fileURLWithPath: adapter, isDirectory: true).standardizedFileURL
        let packed: PackManifest
        if folder.isFolder {
            let summary = AdapterRegistry.inspect(folder: folder, shape: nil)
            if let error = summary.error { throw CommandError(error) }
            let progress = ProgressReporter("packing", bytes: summary.bytes)
            packed = try writer.write(folder: folder, to: output, replaces: force, progress: progress.report)
            progress.finish()
        } else {
            let store = AdapterStore.standard()
            let manifest = try store.resolve(try AdapterReference(adapter))
            let progress = ProgressReporter("packing", bytes: manifest.bytes)
            packed = try writer.write(manifest, of: store, to: output, replaces: force, progress: progress.report)
            progress.finish()
        }
        Console.printLine("\(output) \(packed.digest)")
    }
}
