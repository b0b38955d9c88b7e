import AdapterRegistry
import ArgumentParser
import Foundation
import Terminal

/// `resa adapters add`.
struct AddAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Keep an adapter in the store.",
        discussion: "Takes a folder or a pack. A name that is taken comes to mean the new files; requests in flight keep the old ones.")

    @Argument(help: "The adapter's folder, or a .resa file.")
    var source: String

    @Option(help: "NAME or NAME:TAG to keep it under. (default: the name of the folder or file)")
    var name: String?

    @OptionGroup var reading: PackReadingOptions

    func run() throws {
        let place = URL(fileURLWithPath: source).standardizedFileURL
        let reference = try AdapterReference(name ?? place.deletingPackSuffix.lastPathComponent)
        let store = AdapterStore.standard()
        let manifest: StoredManifest
        if place.isFolder {
            try reading.refuse("\(source) is a folder")
            let summary = AdapterRegistry.inspect(folder: place, name: "\(reference)", shape: nil)
            if let error = summary.error { throw CommandError(error) }
            let progress = ProgressReporter("adding \(reference)", bytes: summary.bytes)
            manifest = try store.add(folder: place, as: reference, progress: progress.report)
            progress.finish()
        } else {
            let pack = try reading.open(place.path)
            let progress = ProgressReporter("adding \(reference)", bytes: pack.manifest.bytes)
            manifest = try pack.add(to: store, as: reference, progress: progress.report)
            progress.finish()
        }
        Console.printLine("\(reference) \(manifest.digest)")
    }
}

extension URL {
    var isFolder: Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// Without `.resa`.
    fileprivate var deletingPackSuffix: URL { pathExtension == "resa" ? deletingPathExtension() : self }
}
