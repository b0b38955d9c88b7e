import Adapters
import Checkpoints
import Foundation
import Tensors

/// Finds out what the folders of a directory hold: names, kinds, hookpoints, digests; configs and tensor headers are checked, tensors
/// are not read. How deep it looks is bounded, so links that lead in circles end soon.
struct AdapterScanner: Sendable {
    let shape: ModelShape?
    let baseName: String
    /// Adapters are held in it.
    let format: AdapterFormat
    /// What is known about stored LoRAs; nil to read all of them.
    let index: LoRAIndex?
    private let digests = FileDigests()

    init(shape: ModelShape?, baseName: String, format: AdapterFormat = .bf16, index: LoRAIndex? = nil) {
        self.shape = shape
        self.baseName = baseName
        self.format = format
        self.index = index
    }

    /// One folder; never throws, because a broken adapter is an entry too.
    /// - Parameters:
    ///   - shownAs: the whole name of a stored adapter, `name` and its tag.
    ///   - known: hashes of its files, by name; others are read.
    ///   - index: for a version's folder in the store.
    ///   - within: where its files may lie; nil for anywhere.
    func scan(
        folder: URL, name: String, shownAs: String? = nil, known: [String: String] = [:], index: LoRAIndex? = nil,
        within: AllowedFolders? = nil
    ) -> AdapterEntry {
        var entry = AdapterEntry(
            folder: folder, within: within,
            summary: AdapterSummary(
                name: shownAs ?? name, kind: nil, digest: nil, hookpoints: [], rank: nil, latents: nil, bytes: 0, state: .cold,
                baseModel: nil, description: nil, labels: [:], error: nil))
        // Taken first: should a file change while it is read, its stamp is another.
        let stamps = FileStamp.all(in: folder)
        do throws(AdapterError) {
            if let problem = problem(withName: name) { throw AdapterError.badFile(adapter: name, file: ".", problem: problem) }
            // Before anything of it is read, and after, for links can be changed.
            try within?.refuseLinksOut(of: folder, adapter: entry.summary.name)
            try fill(&entry, name: entry.summary.name, known: known, index: index)
            try within?.refuseLinksOut(of: folder, adapter: entry.summary.name)
        } catch {
            entry.error = error
            entry.summary.error = error.description
            entry.summary.state = .broken
            entry.summary.digest = nil
            (entry.stamps, entry.stampsAreAll) = (stamps ?? [], stamps != nil)
        }
        return entry
    }

    private func fill(
        _ entry: inout AdapterEntry, name: String, known: [String: String], index: LoRAIndex?
    ) throws(AdapterError) {
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
        let isSteering = contents.contains(SteeringLayout.configFile)
        let places = try SAEPlaces.find(in: folder, contents: contents, adapter: name)
        let packed = contents.filter { $0.hasSuffix(".gguf") && !$0.hasPrefix(".") }.sorted()
        let found = [
            isLoRA ? "a LoRA (\(LoRALayout.configFile))" : nil, isSteering ? "steering vectors (\(SteeringLayout.configFile))" : nil,
            places.isEmpty ? nil : "an SAE (cfg.json)",
        ].compactMap { $0 }
        guard found.count <= 1 else {
            throw .badFile(adapter: name, file: ".", problem: "it holds both \(found.joined(separator: " and ")): split it")
        }
        let files: [String]
        if isLoRA {
            entry.format = .peft
            files = [LoRALayout.configFile, LoRALayout.tensorFile]
            let facts = try facts(folder, files: files, index: index) { () throws(AdapterError) in
                LoRAFacts(try LoRALayout(folder: folder, name: name, shape: shape), format: format)
            }
            if let facts { fill(&entry, facts, manifest) }
        } else if isSteering {
            entry.format = .steering
            files = fill(&entry, try SteeringLayout(folder: folder, name: name, shape: shape))
        } else if !places.isEmpty {
            entry.format = .sae
            files = try fillSAE(&entry, places)
        } else {
            files = try fillPacked(&entry, packed, manifest, index: index)
        }
        try seal(&entry, files: files, name: name, known: known)
    }

    private func facts(
        _ folder: URL, files: [String], index: LoRAIndex?, read: () throws(AdapterError) -> LoRAFacts?
    ) throws(AdapterError) -> LoRAFacts? {
        guard let index else { return try read() }
        return try index.facts(folder, files: files, read: read)
    }

    private func fill(_ entry: inout AdapterEntry, _ facts: LoRAFacts, _ manifest: AdapterManifest) {
        entry.summary.kind = .lora
        entry.residentBytes[nil] = facts.residentBytes
        entry.summary.rank = facts.rank
        entry.summary.modules = facts.modules
        entry.summary.layers = facts.layers
        entry.summary.baseModel = manifest.baseModel ?? facts.baseModel
    }

    /// - Returns: the files that decide what it does.
    private func fill(_ entry: inout AdapterEntry, _ layout: SteeringLayout) -> [String] {
        entry.residentBytes[nil] = layout.residentBytes
        entry.summary.kind = .vector
        entry.summary.hookpoints = layout.hookpoints
        return layout.files
    }

    /// An adapter that is one GGUF file.
    private func fillPacked(
        _ entry: inout AdapterEntry, _ packed: [String], _ manifest: AdapterManifest, index: LoRAIndex?
    ) throws(AdapterError) -> [String] {
        let name = entry.summary.name
        guard let file = packed.first else {
            throw .badFile(
                adapter: name, file: ".",
                problem: "it holds neither \(LoRALayout.configFile) (a PEFT LoRA), nor <hookpoint>/cfg.json (a sparsify SAE), "
                    + "nor cfg.json with \(SAELensLayout.tensorFile) (a SAELens SAE), nor params.safetensors (Gemma Scope 2), "
                    + "nor \(SteeringLayout.configFile) (steering vectors), "
                    + "nor a .gguf file (a LoRA or control vector)")
        }
        guard packed.count == 1 else {
            throw .badFile(adapter: name, file: ".", problem: "it holds \(packed.joined(separator: ", ")): keep one adapter in a folder")
        }
        entry.format = .gguf(file: file)
        let folder = entry.folder
        var steering: SteeringLayout?
        let facts = try facts(folder, files: [file], index: index) { () throws(AdapterError) in
            switch try GGUFAdapter(folder: folder, file: file, name: name, shape: shape) {
            case .lora(let layout): return LoRAFacts(layout, format: format)
            case .steering(let layout): steering = layout
            }
            return nil
        }
        if let facts { fill(&entry, facts, manifest) } else if let steering { _ = fill(&entry, steering) }
        return [file]
    }

    private func fillSAE(_ entry: inout AdapterEntry, _ places: [SAEPlace]) throws(AdapterError) -> [String] {
        let name = entry.summary.name
        entry.summary.kind = .sae
        var layouts: [HookPoint: any SAELayout] = [:]
        for place in places {
            let layout = try place.open(in: entry.folder, name: name, shape: shape)
            if let other = entry.places.updateValue(place, forKey: layout.hookpoint) {
                throw .badFile(
                    adapter: name, file: place.folder,
                    problem: "'\(other.folder.isEmpty ? "." : other.folder)' is for the same hookpoint, \(layout.hookpoint)")
            }
            layouts[layout.hookpoint] = layout
            entry.residentBytes[layout.hookpoint] = layout.residentBytes(format.floats)
        }
        var files: [String] = []
        for (hookpoint, layout) in layouts.sorted(by: { $0.key < $1.key }) {
            entry.summary.hookpoints.append(hookpoint)
            entry.summary.dictionaries.append(
                DictionarySummary(
                    hookpoint: hookpoint, latents: layout.latents, k: layout.k, activation: layout.activation,
                    transcode: layout.transcode, skip: layout.skip))
            entry.summary.latents = max(entry.summary.latents ?? 0, layout.latents)
            let inside = entry.places[hookpoint]?.folder ?? ""
            files += layout.files.map { inside.isEmpty ? $0 : inside + "/" + $0 }
        }
        return files
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
    /// - Returns: why an adapter cannot have the name; nil when it can.
    func problem(withName name: String) -> String? {
        if name == baseName { return "an adapter cannot have the base model's name: choose another" }
        let isPlain = name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7f && $0 != ":" && $0 != "\"" }
        return isPlain && (1...200).contains(name.utf8.count)
            ? nil : "names are up to 200 printable ASCII characters without blanks, ':' or '\"': choose another"
    }

    private static func contents(_ folder: URL, adapter: String) throws(AdapterError) -> Set<String> {
        do {
            return Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
        } catch {
            throw .badFile(adapter: adapter, file: ".", problem: "the folder cannot be listed: \(error.localizedDescription)")
        }
    }
}

extension AdapterScanner {
    /// One adapter of the store. No tensor file is read: hashes come from the manifest.
    /// - Returns: nil when there is none of that name (any more).
    func scan(_ reference: AdapterReference, in store: AdapterStore) -> AdapterEntry? {
        guard let adapter = store.adapter(reference) else { return nil }
        let name = "\(reference)"
        var entry: AdapterEntry
        do throws(AdapterStorageError) {
            let manifest = try adapter.content.get()
            entry = scan(
                folder: try store.materialise(manifest), name: reference.name, shownAs: name,
                known: Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.path, $0.sha256) }), index: index)
        } catch {
            let failure = AdapterError.badFile(adapter: name, file: "manifest", problem: "\(error)")
            entry = AdapterEntry(folder: store.root, summary: AdapterSummary(broken: name, failure), error: failure)
        }
        // The name may come to mean another version.
        entry.stamps.append(adapter.stamp)
        return entry
    }
}

extension AdapterSummary {
    /// One that cannot be read at all.
    fileprivate init(broken name: String, _ error: AdapterError) {
        self.init(
            name: name, kind: nil, digest: nil, hookpoints: [], rank: nil, latents: nil, bytes: 0, state: .broken, baseModel: nil,
            description: nil, labels: [:], error: error.description)
    }
}
