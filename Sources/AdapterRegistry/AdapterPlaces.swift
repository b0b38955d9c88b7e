import Adapters
import Checkpoints
import Foundation
import Synchronization

/// Where the adapters of a registry lie, and which of the places has a name when several do: a folder that was attached while serving goes
/// before one of the folder of adapters, and that before the store. What lies in sight is what is worked on.
struct AdapterPlaces: Sendable {
    /// Every folder in it that is not hidden is an adapter, named after itself; nil for none.
    let folder: URL?
    /// Nil for none.
    let store: AdapterStore?
    /// Folders by the names they were attached under.
    var attached: [String: Attached] = [:]

    /// A folder that a request named, or that whoever made the registry did.
    struct Attached: Sendable {
        let folder: URL
        /// Where its files may lie; nil for wherever their links lead.
        let within: AllowedFolders?
    }

    enum Place: Sendable {
        /// - Parameter within: where its files may lie; nil for one of the folder of adapters, whose links are followed wherever they lead: they
        ///   are the operator's.
        case folder(URL, within: AllowedFolders? = nil)
        case stored(AdapterReference)
    }

    /// What a look at one place found.
    enum Found: Sendable {
        case entry(AdapterEntry)
        case nothing
        /// Its files were changed just now, and may be about to be changed further.
        case unsettled
    }

    /// Whether a plain folder of the folder of adapters has the name.
    func holdsFolder(_ name: String) -> Bool {
        guard let folder, Self.isPlain(name) else { return false }
        return FileStamp(path: folder.appendingPathComponent(name).path)?.isRegular == false
    }

    /// Names come from requests: none may lead out of the folder.
    private static func isPlain(_ name: String) -> Bool { !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/")) }

    /// The place that has the name; nil for none.
    func place(of name: String) -> Place? {
        if let attached = attached[name] { return .folder(attached.folder, within: attached.within) }
        if let folder, holdsFolder(name) { return .folder(folder.appendingPathComponent(name)) }
        if let store, let reference = try? AdapterReference(name), store.contains(reference) { return .stored(reference) }
        return nil
    }

    /// Every name with its place. Plain files in the folder of adapters (a README, say) are passed over.
    /// - Throws: `AdapterRegistryError` when the folder or the store cannot be listed.
    func all() throws(AdapterRegistryError) -> [String: Place] {
        var places: [String: Place] = [:]
        if let store {
            do {
                for reference in try store.references() { places["\(reference)"] = .stored(reference) }
            } catch {
                throw AdapterRegistryError(path: store.root.path, reason: "\(error)")
            }
        }
        if let folder {
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            } catch {
                throw AdapterRegistryError(path: folder.path, reason: "it cannot be listed: \(error.localizedDescription)")
            }
            for name in names where !name.hasPrefix(".") {
                let place = folder.appendingPathComponent(name)
                if FileStamp(path: place.path)?.isRegular != true { places[name] = .folder(place) }
            }
        }
        for (name, attached) in attached { places[name] = .folder(attached.folder, within: attached.within) }
        return places
    }
}

extension AdapterScanner {
    /// Everything there is, several adapters at a time.
    /// - Parameters:
    ///   - known: what an earlier scan found; what has not changed since is kept.
    ///   - settleSeconds: files of folders must have been left alone for so long; until then what is known stays, and what is new stays out.
    func scan(
        _ places: AdapterPlaces, known: [String: AdapterEntry] = [:], settleSeconds: Double = 0
    ) throws(AdapterRegistryError) -> [String: AdapterEntry] {
        let all = try places.all().sorted { $0.key < $1.key }
        let entries = Mutex<[String: AdapterEntry]>([:])
        DispatchQueue.concurrentPerform(iterations: all.count) { index in
            let (name, place) = all[index]
            if let known = known[name], isOf(place, known, in: places), known.isStillBroken {
                return entries.withLock { $0[name] = known }
            }
            let entry: AdapterEntry? =
                switch look(at: place, name: name, in: places, known: known[name], settleSeconds: settleSeconds) {
                case .entry(let entry): entry
                case .unsettled: known[name]
                case .nothing: nil
                }
            if let entry { entries.withLock { $0[name] = entry } }
        }
        index?.save()
        return entries.withLock { $0 }
    }

    /// One place, again if need be.
    func look(
        at place: AdapterPlaces.Place, name: String, in places: AdapterPlaces, known: AdapterEntry?, settleSeconds: Double
    ) -> AdapterPlaces.Found {
        switch place {
        case .folder(let folder, let within):
            if let known, isOf(place, known, in: places), !known.isStale { return .entry(known) }
            if settleSeconds > 0, FolderAge.isYounger(folder, than: settleSeconds) { return .unsettled }
            return .entry(scan(folder: folder, name: name, within: within))
        case .stored(let reference):
            guard let store = places.store else { return .nothing }
            if let known, isOf(place, known, in: places), !known.isStale { return .entry(known) }
            return scan(reference, in: store).map { .entry($0) } ?? .nothing
        }
    }

    /// Whether that is where the entry was found.
    private func isOf(_ place: AdapterPlaces.Place, _ entry: AdapterEntry, in places: AdapterPlaces) -> Bool {
        switch place {
        case .folder(let folder, _): return entry.folder == folder
        case .stored(let reference):
            guard let manifest = places.store?.manifestFile(reference) else { return false }
            return entry.stamps.contains { $0.path == manifest }
        }
    }
}
