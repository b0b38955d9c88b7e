import Adapters
import Checkpoints
import Foundation

/// Finds out what the folders of a directory hold: names, kinds, hookpoints, digests; configs and tensor headers are checked, tensors
/// are not read. Looks one level deep (two for an SAE's hookpoints), so links that lead in circles end at once.
struct AdapterScanner: Sendable {
    let shape: ModelShape?
    let baseName: String
    private let digests = FileDigests()

    init(shape: ModelShape?, baseName: String) {
        self.shape = shape
        self.baseName = baseName
    }

    /// Every folder of `directory` that is not hidden. Plain files beside them (a README, say) are passed over.
    /// - Parameter known: what an earlier scan found; what has not changed since is kept.
    func scan(
        _ directory: URL, known: [String: AdapterEntry] = [:]
    ) throws(AdapterRegistryError) -> [String: AdapterEntry] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        } catch {
            throw AdapterRegistryError(path: directory.path, reason: "it cannot be listed: \(error.localizedDescription)")
        }
        var entries: [String: AdapterEntry] = [:]
        for name in names where !name.hasPrefix(".") {
            let folder = directory.appendingPathComponent(name)
            if let entry = known[name], entry.folder == folder, !entry.isStale {
                entries[name] = entry
                continue
            }
            let stamp = FileStamp(path: folder.path)
            if stamp?.isRegular == true { continue }
            entries[name] = scan(folder: folder, name: name)
        }
        return entries
    }

    /// One folder; never throws, because a broken adapter is an entry too.
    /// - Parameters:
    ///   - shownAs: the whole name of a stored adapter, `name` and its tag.
    ///   - known: hashes of its files, by name; others are read.
    func scan(folder: URL, name: String, shownAs: String? = nil, known: [String: String] = [:]) -> AdapterEntry {
        var entry = AdapterEntry(
            folder: folder,
            summary: AdapterSummary(
                name: shownAs ?? name, kind: nil, digest: nil, hookpoints: [], rank: nil, latents: nil, bytes: 0, state: .onDisk,
                baseModel: nil, description: nil, labels: [:], error: nil))
        do {
            try checkName(name)
            try fill(&entry, name: entry.summary.name, known: known)
        } catch {
            entry.error = error
            entry.summary.error = error.description
            entry.summary.state = .broken
            entry.summary.digest = nil
        }
        return entry
    }

    private func fill(_ entry: inout AdapterEntry, name: String, known: [String: String]) throws(AdapterError) {
        let folder = entry.folder
        guard let stamp = FileStamp(path: folder.path) else {
            throw .badFile(adapter: name, file: ".", problem: "the folder cannot be opened (a link that leads nowhere?)")
        }
        entry.stamps = [stamp]
        let contents = try Self.contents(folder, adapter: name)
        let manifest = try AdapterManifest(folder: folder, adapter: name)
        entry.summary.description = manifest.description
        entry.summary.labels = manifest.labels
        entry.summary.latentLabels = try LatentLabels(folder: folder, adapter: name)
        entry.summary.latentLabels.merge(LatentLabels(shared: manifest.labels))
        if let stamp = FileStamp(path: folder.appendingPathComponent(LatentLabels.file).path) { entry.stamps.append(stamp) }
        entry.summary.baseModel = manifest.baseModel

        let isLoRA = contents.contains(LoRALayout.configFile)
        let places = try Self.hookpoints(folder, contents: contents, adapter: name)
        var files: [String] = []
        switch (isLoRA, places.isEmpty) {
        case (true, false):
            throw .badFile(
                adapter: name, file: ".", problem: "it holds both a LoRA (\(LoRALayout.configFile)) and an SAE (cfg.json): split it")
        case (false, true):
            throw .badFile(
                adapter: name, file: ".",
                problem: "it holds neither \(LoRALayout.configFile) (a PEFT LoRA) nor <hookpoint>/cfg.json (a sparsify SAE)")
        case (true, true):
            entry.summary.kind = .lora
            files = [LoRALayout.configFile, LoRALayout.tensorFile]
            let layout = try LoRALayout(folder: folder, name: name, shape: shape)
            entry.summary.rank = layout.ranks.last
            entry.summary.modules = layout.modules
            entry.summary.layers = layout.layers
            entry.summary.baseModel = manifest.baseModel ?? layout.baseModel
        case (false, false):
            entry.summary.kind = .sae
            entry.hookpointFolders = places
            entry.summary.hookpoints = places.keys.sorted()
            for hookpoint in entry.summary.hookpoints {
                let inside = places[hookpoint] ?? ""
                let place = inside.isEmpty ? folder : folder.appendingPathComponent(inside)
                let layout = try SparsifyLayout(folder: place, name: name, hookpoint: hookpoint, shownAs: inside, shape: shape)
                entry.summary.dictionaries.append(
                    DictionarySummary(
                        hookpoint: hookpoint, latents: layout.latents, k: layout.k, activation: layout.activation,
                        transcode: layout.transcode, skip: layout.skip))
                entry.summary.latents = max(entry.summary.latents ?? 0, layout.latents)
                let prefix = inside.isEmpty ? "" : inside + "/"
                files += [prefix + SparsifyLayout.configFile, prefix + SparsifyLayout.tensorFile]
            }
        }
        try seal(&entry, files: files, name: name, known: known)
    }

    /// Stamps and digest of the files that decide what the adapter does.
    private func seal(_ entry: inout AdapterEntry, files: [String], name: String, known: [String: String]) throws(AdapterError) {
        var stamps: [String: FileStamp] = [:]
        for file in files {
            guard let stamp = FileStamp(path: entry.folder.appendingPathComponent(file).path) else {
                throw .badFile(adapter: name, file: file, problem: "it is missing")
            }
            stamps[file] = stamp
        }
        entry.summary.digest = try digests.digest(stamps, known: known, adapter: name)
        entry.summary.bytes = stamps.values.reduce(0) { $0 + $1.size }
        entry.stamps += stamps.values
    }

    /// Names go into headers, URLs and `BASE:ADAPTER`.
    private func checkName(_ name: String) throws(AdapterError) {
        func bad(_ problem: String) -> AdapterError { .badFile(adapter: name, file: ".", problem: problem) }
        guard name != baseName else { throw bad("an adapter cannot have the base model's name: rename the folder") }
        guard name.utf8.count <= 200, name.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7f && $0 != ":" && $0 != "\"" })
        else { throw bad("names are up to 200 printable ASCII characters without blanks, ':' or '\"': rename the folder") }
    }

    private static func contents(_ folder: URL, adapter: String) throws(AdapterError) -> Set<String> {
        do {
            return Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
        } catch {
            throw .badFile(adapter: adapter, file: ".", problem: "the folder cannot be listed: \(error.localizedDescription)")
        }
    }

    /// Subfolders that are named as hookpoints and hold a `cfg.json`; or the folder itself, when it is named so.
    private static func hookpoints(
        _ folder: URL, contents: Set<String>, adapter: String
    ) throws(AdapterError) -> [HookPoint: String] {
        var places: [HookPoint: String] = [:]
        if contents.contains(SparsifyLayout.configFile) {
            guard let hookpoint = HookPoint(adapter) else {
                throw .badFile(
                    adapter: adapter, file: SparsifyLayout.configFile,
                    problem: "nothing says which hookpoint it is for: move it and its tensors into a folder named as one, such as layers.12"
                )
            }
            places[hookpoint] = ""
        }
        for name in contents.sorted() {
            guard let hookpoint = HookPoint(name),
                FileStamp(path: folder.appendingPathComponent(name).appendingPathComponent(SparsifyLayout.configFile).path) != nil
            else { continue }
            if let other = places.updateValue(name, forKey: hookpoint) {
                throw .badFile(adapter: adapter, file: name, problem: "'\(other.isEmpty ? "." : other)' is for the same hookpoint")
            }
        }
        return places
    }
}
