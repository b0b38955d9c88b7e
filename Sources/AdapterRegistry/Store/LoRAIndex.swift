import Adapters
import Checkpoints
import Foundation
import Synchronization
import Tensors

/// What the list of adapters shows of a LoRA's config and tensor headers.
struct LoRAFacts: Codable, Equatable, Sendable {
    /// The largest.
    let rank: Int?
    let modules: [ProjectionModule]
    let layers: [Int]
    let baseModel: String?
    let residentBytes: Int

    init(_ layout: LoRALayout, format: AdapterFormat) {
        rank = layout.ranks.last
        modules = layout.modules
        layers = layout.layers
        baseModel = layout.baseModel
        residentBytes = layout.residentBytes(format)
    }
}

/// What earlier scans found in the LoRAs of a store, so that a start with hundreds of them does not read all their headers again.
///
/// Facts are kept by version, for one shape of model and one format, and hold as long as the stamps of its files are what they were:
/// files that were changed, replaced or cut short are read anew. Only LoRAs without fault are kept. The file is a cache: one that is damaged
/// counts as none, writers do not wait for each other, and what one of them loses is read once more.
final class LoRAIndex: Sendable {
    /// To be raised whenever a scan finds or refuses something else than before.
    private static let version = 2
    private static let sizeLimit = 64 << 20

    private struct Known: Codable {
        let stamps: [FileStamp]
        let facts: LoRAFacts
    }

    private struct State {
        /// By the name of the version's folder.
        var known: [String: Known]
        /// The versions that were seen by this process. Others are gone from the store, and go from the index.
        var seen: Set<String> = []
        var isChanged = false
    }

    let url: URL
    private let store: AdapterStore
    private let state: Mutex<State>

    init(store: AdapterStore, shape: ModelShape?, format: AdapterFormat) {
        self.store = store
        let key = "\(Self.version) \(shape.map { "\($0)" } ?? "any") \(format)"
        url = store.index.appendingPathComponent("\(ContentDigest(text: key).description.prefix(32)).json")
        state = Mutex(State(known: Self.read(url.path) ?? [:]))
    }

    /// The facts of a version's folder: those known, or what `read` gives.
    /// - Parameters:
    ///   - files: those that decide what it does.
    ///   - read: gives nil for what is no LoRA, which is not kept.
    func facts(_ folder: URL, files: [String], read: () throws(AdapterError) -> LoRAFacts?) throws(AdapterError) -> LoRAFacts? {
        // Taken first: should the files change while they are read, the stamps are not theirs.
        let stamps = files.compactMap { FileStamp(path: folder.appendingPathComponent($0).path) }
        guard stamps.count == files.count else { return try read() }
        let version = folder.lastPathComponent
        let known = state.withLock { state -> LoRAFacts? in
            guard let known = state.known[version], known.stamps == stamps else { return nil }
            state.seen.insert(version)
            return known.facts
        }
        if let known { return known }
        guard let facts = try read() else { return nil }
        state.withLock {
            $0.known[version] = Known(stamps: stamps, facts: facts)
            $0.seen.insert(version)
            $0.isChanged = true
        }
        return facts
    }

    /// Writes what is new, in one step. That a store cannot be written to needs no words: the next start takes longer.
    func save() {
        let known = state.withLock { state -> [String: Known]? in
            guard state.isChanged else { return nil }
            state.isChanged = false
            let seen = state.seen
            state.known = state.known.filter { seen.contains($0.key) }
            return state.known
        }
        guard let known, let json = try? JSONEncoder().encode(known) else { return }
        do throws(AdapterStorageError) {
            for folder in [store.index, store.partial] { try DurableFolder.make(folder.path) }
            let writer = try BlobWriter(partial: store.partial.appendingPathComponent(UUID().uuidString).path)
            for part in [Array("\(Self.digest(json))\n".utf8), Array(json)] {
                let result = part.withUnsafeBytes { bytes in
                    Result { () throws(AdapterStorageError) in try writer.write(bytes) }
                }
                try result.get()
            }
            try writer.place(url.path, mode: 0o644)
        } catch {}
    }

    /// Nil when there is no such file, or its digest, which stands before the JSON, is another.
    private static func read(_ path: String) -> [String: Known]? {
        guard let file = try? SystemFile.read(path, followsLink: false), let size = try? file.size(), size <= sizeLimit,
            let bytes = try? file.read(size, what: "index"), let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
        else { return nil }
        let json = Data(bytes[(end + 1)...])
        guard bytes[..<end].elementsEqual(digest(json).utf8) else { return nil }
        return try? JSONDecoder().decode([String: Known].self, from: json)
    }

    private static func digest(_ json: Data) -> String { json.withUnsafeBytes { ContentDigest(bytes: $0).description } }
}
