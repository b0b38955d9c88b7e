import AdapterRegistry
import ArgumentParser
import Foundation
import Terminal

/// `resa adapters unpack`.
struct UnpackAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpack", abstract: "Write the files of a .resa file into a new folder.",
        discussion: "The folder appears when everything was checked, or not at all. 'resa adapters add' takes a pack into the store.")

    @Argument(help: "The .resa file.")
    var pack: String

    @Option(name: [.short, .long], help: "The folder to make. (default: the file's name without .resa)")
    var output: String?

    @OptionGroup var reading: PackReadingOptions

    func run() throws {
        let place = URL(fileURLWithPath: pack)
        guard output != nil || place.pathExtension == "resa" else { throw CommandError("\(pack): say with -o which folder to make") }
        let folder = output.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? place.deletingPathExtension()
        let reader = try reading.open(pack)
        let progress = ProgressReporter("unpacking", bytes: reader.manifest.bytes)
        try reader.unpack(to: folder, progress: progress.report)
        progress.finish()
        Console.printLine("\(folder.path) \(reader.manifest.digest)")
    }
}

/// Whose packs are read, and how large they may be.
struct PackReadingOptions: ParsableArguments {
    @Option(
        parsing: .singleValue, help: "Take only packs signed with this public key: the key, or its file. May be repeated.")
    var trust: [String] = []

    @Option(help: "Refuse packs whose files come to more bytes than this.")
    var maxBytes = PackLimits().totalBytes

    @Option(help: "Refuse packs of more than 64 MiB of files that are more than this many times as large as the pack.")
    var maxRatio = PackLimits().ratio

    func validate() throws {
        guard maxBytes >= 0, maxRatio >= 0 else { throw ValidationError("--max-bytes and --max-ratio must not be negative") }
    }

    /// For what is no pack.
    func refuse(_ what: String) throws {
        let limits = PackLimits()
        for (name, isGiven) in [
            ("--trust", !trust.isEmpty), ("--max-bytes", maxBytes != limits.totalBytes), ("--max-ratio", maxRatio != limits.ratio),
        ] where isGiven { throw CommandError("\(name) is for packs, and \(what)") }
    }

    func open(_ path: String) throws -> PackReader {
        var limits = PackLimits()
        (limits.totalBytes, limits.ratio) = (maxBytes, maxRatio)
        return try PackReader(path: path, limits: limits, trusting: try trust.map { try PackPublicKey($0) })
    }
}
