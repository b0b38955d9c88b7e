import AdapterRegistry
import Downloads
import Foundation

/// Where a pull goes: the folder `NAME` of a parent folder, filled under a hidden name and moved into place when it is whole, so that a
/// server that watches the parent never sees half of it.
struct PullDestination {
    let folder: URL
    let staging: URL

    /// - Throws: `CommandError` when the name cannot be a folder's.
    init(parent: URL, name: String) throws(CommandError) {
        guard Self.isName(name) else { throw CommandError("'\(name)' cannot be the name of a folder: say --name") }
        folder = parent.appendingPathComponent(name, isDirectory: true).standardizedFileURL
        staging = parent.appendingPathComponent(".pull-\(name)", isDirectory: true).standardizedFileURL
    }

    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".") && !name.hasPrefix("-") && !name.contains("/")
            && !name.utf8.contains(0)
    }

    /// What an earlier pull put there.
    var earlier: PulledFiles? { PulledFiles.record(in: folder) }

    /// A folder that no pull made is somebody's own.
    func checkFree() throws(CommandError) {
        guard FileManager.default.fileExists(atPath: folder.path), earlier == nil else { return }
        throw CommandError("\(folder.path) is there already and was not pulled: choose another --name, or move it away")
    }

    /// The last step: makes what was pulled visible under its name, in place of what an earlier pull put there.
    func place(_ pulled: PulledFiles) throws(CommandError) {
        try checkFree()
        removeLeftovers(besides: pulled)
        func failed() -> CommandError { CommandError("\(folder.path): \(String(cString: strerror(errno)))") }
        // For a moment nothing has the name. Whoever is killed just then pulls again: all of it is in the staging folder.
        let old = staging.deletingLastPathComponent().appendingPathComponent(".pull-old-\(UUID().uuidString)")
        let hadEarlier = earlier != nil
        if hadEarlier { guard rename(folder.path, old.path) == 0 else { throw failed() } }
        guard rename(staging.path, folder.path) == 0 else {
            let error = failed()
            if hadEarlier { rename(old.path, folder.path) }
            throw error
        }
        if hadEarlier { try? FileManager.default.removeItem(at: old) }
        let parent = open(folder.deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
    }

    /// What an interrupted pull of another revision left is no part of this one.
    private func removeLeftovers(besides pulled: PulledFiles) {
        let wanted = Set(pulled.files.map(\.path) + [PulledFiles.recordName])
        guard let names = FileManager.default.enumerator(atPath: staging.path) else { return }
        for case let name as String in names where !wanted.contains(name) {
            let isParent = wanted.contains { $0.hasPrefix(name + "/") }
            if !isParent { try? FileManager.default.removeItem(at: staging.appendingPathComponent(name)) }
        }
    }

    /// What to hand to `--model`, or look at: the one file that was pulled, or the folder.
    func usablePath(_ pulled: PulledFiles) -> String {
        let models = pulled.files.filter { $0.path.hasSuffix(".gguf") }
        if pulled.files.count == 1 || models.count == 1 {
            return folder.appendingPathComponent((models.first ?? pulled.files[0]).path).path
        }
        return folder.path
    }
}
