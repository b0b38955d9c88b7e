import Foundation
import JSONText

/// What a pull has to bring.
struct PullPlan {
    enum Item: Sendable {
        case remote(RemoteFile)
        /// A file of this machine, and its path in the destination.
        case local(from: String, path: String, size: Int)

        var path: String {
            switch self {
            case .remote(let file): file.path
            case .local(_, let path, _): path
            }
        }

        var size: Int? {
            switch self {
            case .remote(let file): file.size
            case .local(_, _, let size): size
            }
        }
    }

    var items: [Item]
    var commit: String?
    /// Files by their path, should an index ask for them.
    var further: [String: RemoteFile] = [:]

    /// - Throws: what the listing meets; `.nothingToPull`, `.unsafePath`.
    static func make(
        _ source: PullSource, selection: FileSelection, sha256: String?, hub: HubEnvironment, settings: PullSettings, control: PullControl
    ) throws(PullError) -> PullPlan {
        switch source {
        case .web(let address):
            guard let name = address.fileName else { throw .badSource(text: address.shown, reason: "its path names no file") }
            return PullPlan(items: [.remote(RemoteFile(path: name, address: address, check: sha256.map { .sha256($0) }))])
        case .local(let path):
            let (root, names) = try LocalFiles.list(path, limit: settings.countLimit)
            try RemotePath.check(all: names)
            var chosen = try selection.choose(from: names, source: source.description)
            if chosen.contains(FileSelection.indexName) {
                let index = root.appendingPathComponent(FileSelection.indexName)
                chosen += try shards(index: index, among: Set(names), besides: chosen)
            }
            var items: [Item] = []
            for name in chosen {
                let place = root.appendingPathComponent(name).path
                items.append(.local(from: place, path: name, size: try LocalFiles.size(place)))
            }
            return PullPlan(items: items)
        case .hub(let reference):
            let listing = try fetchListing(reference, hub: hub, settings: settings, control: control)
            let isHookpoint = reference.namesHookpoint && selection.purpose == .adapter
            var files: [String: RemoteFile] = [:]
            var names: [String] = []
            for (name, entry) in listing.entries(below: reference.subpath, keepsFolder: isHookpoint) {
                let address = try hub.file(entry.path, of: reference, commit: listing.commit)
                files[name] = RemoteFile(path: name, address: address, size: entry.size, check: entry.check, commit: listing.commit)
                names.append(name)
            }
            guard !names.isEmpty else {
                throw .nothingToPull(source: source.description, reason: "the repository holds no file there at commit \(listing.commit)")
            }
            let chosen = try selection.choose(from: names, source: source.description)
            return PullPlan(items: chosen.compactMap { files[$0].map(Item.remote) }, commit: listing.commit, further: files)
        }
    }

    /// The shards that an index names and that are not asked for already.
    /// - Throws: `.wrongAnswer` for an index that is none, `.nothingToPull` for one that names what is not there.
    static func shards(index: URL, among names: Set<String>, besides chosen: [String]) throws(PullError) -> [String] {
        let data: Data
        do { data = try Data(contentsOf: index) } catch { throw .disk(path: index.path, reason: error.localizedDescription) }
        var shards: Set<String> = []
        do throws(JSONError) {
            for member in try JSON(parsing: data).object("weight_map") {
                guard let shard = member.value.string else {
                    throw JSONError(place: "weight_map", got: member.value.kind, wanted: "the name of a file")
                }
                shards.insert(shard)
            }
        } catch {
            throw .wrongAnswer(
                file: FileSelection.indexName, address: index.path, got: "\(error.got) (\(error.fullPlace))", wanted: error.wanted)
        }
        let missing = shards.subtracting(names).sorted()
        guard missing.isEmpty, !shards.isEmpty else {
            throw .nothingToPull(
                source: FileSelection.indexName,
                reason: shards.isEmpty ? "it names no shard" : "it names \(missing.prefix(4).joined(separator: ", ")), which is not there")
        }
        return shards.subtracting(chosen).sorted()
    }

    private static func fetchListing(
        _ reference: HubReference, hub: HubEnvironment, settings: PullSettings, control: PullControl
    ) throws(PullError) -> HubListing {
        let address = try hub.listing(of: reference)
        let client = HTTPClient(settings: settings, hub: hub, control: control)
        var retries = Retries(settings: settings, control: control)
        let name = "the listing of \(reference.organisation)/\(reference.repository)"
        while true {
            do throws(AttemptFailure) {
                var bytes: [UInt8] = []
                let head = try client.get(
                    address, file: name,
                    receiver: HTTPConnection.Receiver(
                        head: { _ in },
                        body: { portion throws(AttemptFailure) in
                            bytes += portion
                            guard bytes.count <= HubListing.limitBytes else {
                                throw .final(.tooLarge(what: name, bytes: bytes.count, limit: HubListing.limitBytes))
                            }
                            return true
                        }))
                do throws(PullError) { return try HubListing(bytes, address: head.address.shown) } catch { throw .final(error) }
            } catch {
                try retries.wait(after: error)
            }
        }
    }
}
