import Checkpoints
import Foundation
import Synchronization

// Downloads: files brought from the Hub, from web servers or from this machine into folders, resumed and checked. Knows nothing of what the
// files hold but which of them belong together.

/// Brings files from the Hub, from a web server or from this machine into a folder: several at a time, resumed where an earlier pull
/// ended, checked against every size and digest that anybody states, each visible under its name only when it is whole and on the disk.
package struct Puller: Sendable {
    package var hub: HubEnvironment
    package var settings: PullSettings

    package init(hub: HubEnvironment, settings: PullSettings = PullSettings()) { (self.hub, self.settings) = (hub, settings) }

    /// Runs on threads of its own. When the task is cancelled, what has arrived stays and is found by the next pull.
    /// - Parameters:
    ///   - folder: made when it is missing; one pull at a time works in it.
    ///   - earlier: where an earlier pull put the same source: files that did not change are linked, not fetched.
    ///   - sha256: what a single file from the web must be, when somebody said.
    ///   - progress: hears how far it is about ten times a second, one call at a time.
    package func pull(
        _ source: PullSource, into folder: URL, selection: FileSelection, earlier: URL? = nil, sha256: String? = nil,
        progress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws(PullError) -> PulledFiles {
        let control = PullControl()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    continuation.resume(
                        returning: Result { () throws(PullError) in
                            try run(
                                source, into: folder, selection: selection, earlier: earlier, sha256: sha256, control: control,
                                progress: progress)
                        })
                }
            }
        } onCancel: {
            control.cancel()
        }
        return try result.get()
    }

    /// Whether `source` can be had without any network.
    package func needsNetwork(_ source: PullSource) -> Bool { if case .local = source { false } else { true } }

    package var isOffline: Bool { settings.isOffline || hub.isOffline }

    private func run(
        _ source: PullSource, into folder: URL, selection: FileSelection, earlier: URL?, sha256: String?, control: PullControl,
        progress: @Sendable (PullProgress) -> Void
    ) throws(PullError) -> PulledFiles {
        try settings.policy.check(source)
        if needsNetwork(source), isOffline { throw .offline(source: source.description) }
        let lock = try Self.lock(folder)
        defer { withExtendedLifetime(lock) {} }
        var plan = try PullPlan.make(
            source, selection: selection, sha256: sha256, hub: hub, settings: settings, control: control)
        var files = try bring(plan.items, into: folder, earlier: earlier, control: control, progress: progress)
        let chosen = plan.items.map(\.path)
        if plan.commit != nil, chosen.contains(FileSelection.indexName) {
            let index = folder.appendingPathComponent(FileSelection.indexName)
            let shards = try PullPlan.shards(index: index, among: Set(plan.further.keys), besides: chosen)
            plan.items = shards.compactMap { plan.further[$0].map(PullPlan.Item.remote) }
            files += try bring(plan.items, into: folder, earlier: earlier, control: control, progress: progress)
        }
        var pulled = PulledFiles(source: source.description, commit: plan.commit, files: files.sorted { $0.path < $1.path })
        try pulled.write(into: folder)
        pulled.bytesFound = control.progress.bytesFound
        return pulled
    }

    /// One process at a time in a folder, which is made where missing.
    private static func lock(_ folder: URL) throws(PullError) -> FileLock {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw .disk(path: folder.path, reason: "the folder cannot be made: \(error.localizedDescription)")
        }
        var status = stat()
        guard lstat(folder.path, &status) == 0 else { throw systemError(folder.path) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .disk(path: folder.path, reason: "it is a link; a pull goes into a folder") }
        do throws(FileLock.Problem) {
            return try FileLock(folder: folder.path)
        } catch {
            throw error.told(held: .busy(folder: folder.path)) { .disk(path: folder.path, reason: $1) }
        }
    }

    private func bring(
        _ items: [PullPlan.Item], into folder: URL, earlier: URL?, control: PullControl, progress: @Sendable (PullProgress) -> Void
    ) throws(PullError) -> [PulledFiles.File] {
        try checkLimits(items, folder)
        control.update { $0.add(sizes: items.map(\.size)) }
        // The longest first: it decides when all are done.
        let waiting = Mutex(items.sorted { ($0.size ?? .max) < ($1.size ?? .max) })
        let done = Mutex<[PulledFiles.File]>([])
        let group = DispatchGroup()
        withoutActuallyEscaping(progress) { progress in
            for _ in 0..<min(max(settings.parallelFiles, 1), items.count) {
                group.enter()
                Thread.detachNewThread {
                    defer { group.leave() }
                    let client = HTTPClient(settings: settings, hub: hub, control: control)
                    while !control.isStopped, let item = waiting.withLock({ $0.popLast() }) {
                        do throws(PullError) {
                            let file = try bring(item, into: folder, earlier: earlier, client: client, control: control)
                            done.withLock { $0.append(file) }
                            control.update { $0.filesDone += 1 }
                        } catch { control.fail(error) }
                    }
                }
            }
            while group.wait(timeout: .now() + .milliseconds(100)) == .timedOut { progress(control.progress) }
            progress(control.progress)
        }
        if let failure = control.failure { throw failure }
        return done.withLock { $0 }
    }

    private func bring(
        _ item: PullPlan.Item, into folder: URL, earlier: URL?, client: HTTPClient, control: PullControl
    ) throws(PullError) -> PulledFiles.File {
        switch item {
        case .local(let source, let path, let size):
            let partial = try PartialFile(
                RemoteFile(path: path, address: hub.endpoint, size: size), in: folder, control: control)
            try partial.restart(tag: nil)
            try LocalFiles.read(source, control: control) { bytes throws(PullError) in
                try partial.append(bytes)
                control.update { $0.bytes += bytes.count }
            }
            return PulledFiles.File(path: path, bytes: partial.count, sha256: try partial.finish())
        case .remote(let file):
            if let found = try FoundFile.look(for: file, in: folder, earlier: earlier, control: control) { return found }
            let (sha256, bytes) = try FileDownload(file, into: folder, client: client, settings: settings, control: control).run()
            return PulledFiles.File(path: file.path, bytes: bytes, sha256: sha256)
        }
    }

    private func checkLimits(_ items: [PullPlan.Item], _ folder: URL) throws(PullError) {
        guard items.count <= settings.countLimit else {
            throw .nothingToPull(source: "\(items.count) files", reason: "more than the limit of \(settings.countLimit)")
        }
        var total = 0
        for item in items {
            guard let size = item.size else { continue }
            guard size <= settings.fileLimit else { throw .tooLarge(what: item.path, bytes: size, limit: settings.fileLimit) }
            total += size
            guard total <= settings.totalLimit else {
                throw .tooLarge(what: "what is pulled", bytes: total, limit: settings.totalLimit)
            }
        }
    }
}
