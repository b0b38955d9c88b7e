import Checkpoints
import Foundation

/// Adapters kept by content, shared by all processes of a user.
///
/// ```
/// blobs/sha256-HEX            a file's bytes, under their hash; never changed
/// manifests/NAME/TAG.json     the files of one version
/// folders/HEX/...             links into blobs/, in the shape that readers of adapter folders expect; HEX is the manifest's digest
/// index/                      what scans found in LoRAs, a cache: see `LoRAIndex`
/// partial/                    what is being written
/// pulls/                      what is being fetched; one that failed stays for a while, to be gone on with
/// lock                        see `lock`
/// ```
///
/// An adapter is there when its manifest is, and a manifest is renamed into place after everything it names is on the disk: whoever
/// looks, whenever a writer was killed, finds an adapter whole or not at all. What a killed writer left behind is removed by `sweep`.
package struct AdapterStore: Sendable {
    package let root: URL
    private let manifestsPath: String
    /// How long to wait for other processes before giving up as busy.
    package var patienceSeconds = 60.0

    /// Nothing is made on the disk until something is added.
    package init(root: URL) {
        self.root = root
        manifestsPath = root.appendingPathComponent("manifests", isDirectory: true).path
    }

    /// `$RESA_HOME`, `$XDG_DATA_HOME/resa`, or `~/.local/share/resa`.
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> AdapterStore {
        func named(_ variable: String) -> URL? {
            environment[variable].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
        }
        return AdapterStore(
            root: named("RESA_HOME") ?? named("XDG_DATA_HOME")?.appendingPathComponent("resa", isDirectory: true)
                ?? URL(fileURLWithPath: NSHomeDirectory(), isDirectory: true).appendingPathComponent(".local/share/resa", isDirectory: true)
        )
    }

    var blobs: URL { root.appendingPathComponent("blobs", isDirectory: true) }
    var manifests: URL { root.appendingPathComponent("manifests", isDirectory: true) }
    var folders: URL { root.appendingPathComponent("folders", isDirectory: true) }
    var index: URL { root.appendingPathComponent("index", isDirectory: true) }
    var partial: URL { root.appendingPathComponent("partial", isDirectory: true) }
    var pulls: URL { root.appendingPathComponent("pulls", isDirectory: true) }

    static let blobPrefix = "sha256-"
    static let manifestSuffix = ".json"

    package func blob(_ sha256: String) -> URL { blobs.appendingPathComponent(Self.blobPrefix + sha256) }

    func manifestPath(_ reference: AdapterReference) -> URL { URL(fileURLWithPath: manifestFile(reference)) }

    /// The same as text, which a server asks for hundreds of times every few seconds.
    func manifestFile(_ reference: AdapterReference) -> String {
        "\(manifestsPath)/\(reference.name)/\(reference.tag)\(Self.manifestSuffix)"
    }

    /// Every adapter, by name and tag; one whose manifest cannot be read comes with the reason. Reads manifests only.
    /// - Throws: `.system` when the folders cannot be listed.
    package func list() throws(AdapterStorageError) -> [StoredAdapter] { try references().compactMap(adapter) }

    /// The names of all adapters, sorted. Reads no file.
    /// - Throws: `.system` when the folders cannot be listed.
    func references() throws(AdapterStorageError) -> [AdapterReference] {
        var references: [AdapterReference] = []
        for name in try DurableFolder.names(manifestsPath) where AdapterReference.isValid(name) {
            for file in try DurableFolder.names("\(manifestsPath)/\(name)") where file.hasSuffix(Self.manifestSuffix) {
                guard let reference = try? AdapterReference(name: name, tag: String(file.dropLast(Self.manifestSuffix.count))) else {
                    continue
                }
                references.append(reference)
            }
        }
        return references.sorted()
    }

    /// Whether the name stands for anything. Reads no file.
    package func contains(_ reference: AdapterReference) -> Bool { access(manifestFile(reference), F_OK) == 0 }

    /// Nil when there is no such adapter (any more).
    func adapter(_ reference: AdapterReference) -> StoredAdapter? {
        let path = manifestFile(reference)
        guard let stamp = FileStamp(path: path) else { return nil }
        do throws(AdapterStorageError) {
            return StoredAdapter(reference: reference, stamp: stamp, content: .success(try read(path)))
        } catch {
            return FileStamp(path: path) == nil ? nil : StoredAdapter(reference: reference, stamp: stamp, content: .failure(error))
        }
    }

    private func read(_ path: String) throws(AdapterStorageError) -> StoredManifest {
        let file = try SystemFile.read(path, followsLink: false)
        let size = try file.size()
        guard size <= StoredManifest.sizeLimit else {
            throw .overLimit(file: path, what: "the manifest's size in bytes", got: size, limit: StoredManifest.sizeLimit)
        }
        return try StoredManifest(try file.read(size, what: "manifest"), file: path)
    }

    /// The version a name stands for now.
    /// - Throws: `.unknown`, with near names; or why its manifest cannot be read.
    package func resolve(_ reference: AdapterReference) throws(AdapterStorageError) -> StoredManifest {
        guard let adapter = adapter(reference) else { throw unknown(reference) }
        return try adapter.content.get()
    }

    func unknown(_ reference: AdapterReference) -> AdapterStorageError {
        let names = (try? references())?.map(\.description) ?? []
        return .unknown(name: "\(reference)", near: NearNames.find("\(reference)", among: names))
    }
}

/// One name of the store and what it stands for.
package struct StoredAdapter: Sendable {
    package let reference: AdapterReference
    /// The manifest file's: it changes when the name comes to mean another version.
    package let stamp: FileStamp
    package let content: Result<StoredManifest, AdapterStorageError>
}
