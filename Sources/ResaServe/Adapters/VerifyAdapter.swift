import AdapterRegistry
import ArgumentParser
import Foundation
import Terminal

/// `resa adapters verify`.
struct VerifyAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare every byte of a pack, or of stored adapters, with its digest.")

    @Argument(help: "A .resa file, or names in the store. (default: everything in the store)")
    var what: [String] = []

    @OptionGroup var reading: PackReadingOptions

    func run() throws {
        if what.count == 1, access(what[0], F_OK) == 0, !URL(fileURLWithPath: what[0]).isFolder { return try verify(pack: what[0]) }
        try reading.refuse("these are stored adapters, which are not signed")
        let references = what.isEmpty ? nil : try what.map { try AdapterReference($0) }
        let progress = ProgressReporter("verifying")
        let problems = try AdapterStore.standard().verify(references, progress: progress.report)
        progress.finish()
        for problem in problems { Console.printLine("\(problem.reference): \(problem.error)") }
        guard problems.isEmpty else { throw ExitCode(1) }
        Console.printLine("all files are what their digests say")
    }

    private func verify(pack path: String) throws {
        let pack = try reading.open(path)
        let progress = ProgressReporter("verifying", bytes: pack.manifest.bytes)
        try pack.verify(progress: progress.report)
        progress.finish()
        Console.printFacts([
            ("pack", path), ("digest", pack.manifest.digest), ("signed by", pack.signer.map { "\($0)" } ?? "nobody"),
            ("files", "\(pack.manifest.files.count), \(Quantity.bytes(pack.manifest.bytes))"),
        ])
    }
}

/// `resa adapters keygen`.
struct MakeKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Make a key pair to sign packs with.",
        discussion: "Writes the secret key to FILE, for its owner alone to read, and the public key, which --trust takes, to FILE.pub.")

    @Argument(help: "The file of the secret key.")
    var file: String

    func run() throws {
        let key = try PackSecretKey()
        try key.write(to: file)
        Console.printLine("\(key.publicKey)")
    }
}
