import AdapterRegistry
import ArgumentParser
import Checkpoints
import Foundation
import Inspection
import Models
import Terminal

/// `resa adapters`: what adapters there are, and how they are fetched, kept and shipped.
struct AdaptersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapters", abstract: "List, inspect, check, fetch, keep and ship adapters.",
        discussion: "The store is $RESA_HOME, $XDG_DATA_HOME/resa or ~/.local/share/resa.",
        subcommands: [
            ListAdapters.self, InspectAdapter.self, CheckAdapter.self, PullAdapter.self, AddAdapter.self, RemoveAdapter.self,
            SweepAdapters.self,
            PackAdapter.self, UnpackAdapter.self, VerifyAdapter.self, MakeKey.self,
        ])
}

/// `resa adapters list`.
struct ListAdapters: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the adapters of the store or of a folder.",
        discussion: "Reads every file of a folder once to compute digests.")

    @Option(help: "The folder of adapters, one folder each. (default: the store)")
    var adapters: String?

    @Option(help: "Also check the shapes against this model.")
    var model: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let bundle = try model.map { try ModelBundle.open(path: $0) }
        let registry = try AdapterRegistry(
            folder: adapters.map { URL(fileURLWithPath: $0, isDirectory: true) }, store: adapters == nil ? .standard() : nil,
            shape: bundle?.config.shape, format: .bf16, baseName: bundle?.name ?? "")
        let reports = registry.list().map(AdapterReport.init)
        if json { return try Console.printJSON(reports) }
        if reports.isEmpty { return Console.note("resa: \(adapters ?? "the store") holds no adapters\n") }
        Console.printTable(
            ["name", "kind", "size", "what", "digest"],
            reports.map {
                [$0.name, $0.kind ?? "?", Quantity.bytes($0.bytes), $0.error ?? $0.outline, String(($0.digest ?? "-").prefix(19))]
            })
    }
}

/// `resa adapters inspect`.
struct InspectAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show one adapter: what it is, its files and its tensors.")

    @Argument(help: "The adapter's folder, or its name in --adapters or the store.")
    var adapter: String

    @Option(help: "The folder of adapters to find the name in.")
    var adapters: String?

    @Option(help: "Also check the shapes against this model.")
    var model: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let place = try AdapterFolder.find(adapter, adapters: adapters)
        let shape = try model.map { try ModelConfig.read(try Checkpoint.open(path: $0)).shape }
        let contents = AdapterContents(place, for: shape)
        json ? try Console.printJSON(contents) : show(contents)
        if contents.adapter.error != nil { throw ExitCode(1) }
    }

    private func show(_ contents: AdapterContents) {
        Console.printFacts([("folder", contents.folder)] + contents.adapter.facts)
        for file in contents.files {
            Console.printLine("\n\(file.name)")
            if let error = file.error {
                Console.printLine("  \(error)")
            } else {
                Console.printTable(
                    ["tensor", "type", "shape"],
                    file.tensors.map { [$0.name, $0.type, $0.shape.map(String.init).joined(separator: " x ")] })
            }
        }
    }
}

extension AdapterReport {
    var facts: [(name: String, value: String?)] {
        [
            ("adapter", name), ("kind", kind), ("error", error), ("digest", digest), ("size", Quantity.bytes(bytes)),
            ("rank", rank.map(String.init)), ("latents", latents.map(String.init)),
            ("hookpoints", hookpoints.isEmpty ? nil : hookpoints.joined(separator: ", ")), ("base model", baseModel),
            ("description", description),
        ] + labels.sorted { $0.key < $1.key }.map { ("label \($0.key)", $0.value) }
    }
}
