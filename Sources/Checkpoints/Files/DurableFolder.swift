import Foundation

/// Calls that change folders so that the change is whole and survives a power failure.
package enum DurableFolder<Failure: FileFailure> {
    /// Makes the folder and those above it, where missing.
    package static func make(_ path: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .system(path: path, doing: "making the folder", reason: error.localizedDescription)
        }
    }

    /// Makes one folder that must not be there yet.
    package static func makeNew(_ path: String) throws(Failure) {
        guard mkdir(path, 0o755) == 0 else {
            if errno == EEXIST { throw .exists(path: path) }
            throw .system(path: path, doing: "making the folder", reason: systemErrorText())
        }
    }

    /// Returns when the names in the folder are on the disk.
    package static func sync(_ path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(path: path, doing: "opening the folder", reason: systemErrorText()) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(path: path, doing: "writing the folder to the disk", reason: systemErrorText()) }
    }

    /// Moves a file or folder to its final name in one step, replacing a file of that name.
    package static func move(_ old: String, to new: String) throws(Failure) {
        guard rename(old, new) == 0 else {
            if errno == EEXIST || errno == ENOTEMPTY { throw .exists(path: new) }
            throw .system(path: new, doing: "moving \(old) there", reason: systemErrorText())
        }
    }

    /// Removes a file; one that is gone already is no error.
    package static func unlink(_ path: String) throws(Failure) {
        guard Foundation.unlink(path) == 0 || errno == ENOENT else {
            throw .system(path: path, doing: "removing it", reason: systemErrorText())
        }
    }

    /// Names in the folder, sorted; none when there is no such folder.
    package static func names(_ path: String) throws(Failure) -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return [] }
            throw .system(path: path, doing: "listing the folder", reason: systemErrorText())
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                guard errno == 0 else { throw .system(path: path, doing: "listing the folder", reason: systemErrorText()) }
                return names.sorted()
            }
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
    }
}
