import AdapterRegistry
import Adapters
import ArgumentParser
import Checkpoints
import Foundation
import Models
import Tensors

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
        let folder = try Self.findFolder(adapter, adapters: adapters)
        let shape = try model.map { try ModelConfig.read(try Checkpoint.open(path: $0)).shape }
        let report = AdapterReport(AdapterRegistry.inspect(folder: folder, name: Self.shownName(adapter, folder), shape: shape))
        let files = Self.tensorFiles(folder)
        if json {
            try Console.printJSON(InspectReport(adapter: report, folder: folder.path, files: files.map(FileReport.init)))
        } else {
            Console.printFacts([("folder", folder.path)] + report.facts)
            for file in files { Self.printTensors(file) }
        }
        if report.error != nil { throw ExitCode(1) }
    }

    /// A stored adapter's folder is named after its digest.
    static func shownName(_ adapter: String, _ folder: URL) -> String {
        folder.path.hasPrefix(AdapterStore.standard().root.path + "/") ? adapter : folder.lastPathComponent
    }

    /// A folder of `adapters`, a folder, or the folder of a stored adapter.
    static func findFolder(_ adapter: String, adapters: String?) throws -> URL {
        let direct = URL(fileURLWithPath: adapter, isDirectory: true).standardizedFileURL
        let named = adapters.map { URL(fileURLWithPath: $0, isDirectory: true).appendingPathComponent(adapter).standardizedFileURL }
        for candidate in [named, direct].compactMap({ $0 }) {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), isFolder.boolValue { return candidate }
        }
        if adapters == nil, let reference = try? AdapterReference(adapter) {
            let store = AdapterStore.standard()
            return try store.materialise(try store.resolve(reference))
        }
        let names = adapters.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0) } ?? []
        let near = NearNames.find(adapter, among: names)
        let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
        throw CommandError("there is no adapter folder '\(adapter)'\(adapters.map { ", neither here nor in \($0)" } ?? "")\(hint)")
    }

    /// A safetensors file of the adapter, its name relative to the folder.
    struct TensorFile {
        let name: String
        let content: Result<SafetensorsFile, CheckpointError>
    }

    private static func tensorFiles(_ folder: URL) -> [TensorFile] {
        // As deep as an SAE's hookpoints lie.
        let top = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let names = top.flatMap { entry -> [String] in
            let inside = (try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(entry).path)) ?? []
            return [entry] + inside.map { "\(entry)/\($0)" }
        }
        return names.filter { $0.hasSuffix(".safetensors") }.sorted().map { name in
            let path = folder.appendingPathComponent(name).path
            return TensorFile(name: name, content: Result { () throws(CheckpointError) in try SafetensorsFile(path: path) })
        }
    }

    private static func printTensors(_ file: TensorFile) {
        Console.printLine("\n\(file.name)")
        switch file.content {
        case .failure(let error): Console.printLine("  \(error)")
        case .success(let tensors):
            Console.printTable(
                ["tensor", "type", "shape"],
                tensors.tensorNames.sorted().compactMap(tensors.info).map {
                    [$0.name, "\($0.type)", $0.shape.map(String.init).joined(separator: " x ")]
                })
        }
    }
}

/// What `resa adapters inspect --json` prints.
struct InspectReport: Encodable {
    let adapter: AdapterReport
    let folder: String
    let files: [FileReport]
}

struct FileReport: Encodable {
    struct Tensor: Encodable {
        let name: String
        let type: String
        let shape: [Int]
    }

    let name: String
    let error: String?
    let tensors: [Tensor]

    init(_ file: InspectAdapter.TensorFile) {
        name = file.name
        switch file.content {
        case .failure(let failure):
            error = failure.description
            tensors = []
        case .success(let content):
            error = nil
            tensors = content.tensorNames.sorted().compactMap(content.info).map {
                Tensor(name: $0.name, type: "\($0.type)", shape: $0.shape)
            }
        }
    }
}
