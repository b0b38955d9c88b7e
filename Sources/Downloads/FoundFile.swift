import Foundation

/// A file that need not be fetched, because the very content is on this machine.
enum FoundFile {
    /// In `folder`, or in `earlier`, from where it is linked. Only a digest tells: without one nothing is found.
    static func look(
        for file: RemoteFile, in folder: URL, earlier: URL?, control: PullControl
    ) throws(PullError) -> PulledFiles.File? {
        guard let check = file.check, let size = file.size else { return nil }
        let destination = folder.appendingPathComponent(file.path).path
        for (place, isThere) in [(destination, true), (earlier?.appendingPathComponent(file.path).path, false)] {
            // What is here already must be the file itself: a link could be made to lead elsewhere later.
            guard let place, isRegular(place, size: size, followsLink: !isThere) else { continue }
            var hasher = ContentHasher(gitBlobOf: check.gitSize(size))
            var count = 0
            try LocalFiles.read(place, control: control) { bytes in
                hasher.update(bytes)
                count += bytes.count
            }
            guard count == size, let sha256 = try? hasher.finish(file: file.path, check: check) else { continue }
            if !isThere {
                let parent = (destination as NSString).deletingLastPathComponent
                try? FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
                unlink(destination)
                guard isTaken(place, destination) else { continue }
                syncFolder(parent)
            }
            control.update {
                $0.bytes += size
                $0.bytesFound += size
            }
            return PulledFiles.File(path: file.path, bytes: size, sha256: sha256)
        }
        return nil
    }

    /// Links a file that lies there; copies one that a link leads to (a store's, which a further link would make look changed).
    private static func isTaken(_ place: String, _ destination: String) -> Bool {
        var status = stat()
        guard lstat(place, &status) == 0 else { return false }
        if status.st_mode & S_IFMT == S_IFREG { return link(place, destination) == 0 }
        let source = URL(fileURLWithPath: place).resolvingSymlinksInPath().path
        return (try? FileManager.default.copyItem(atPath: source, toPath: destination)) != nil
    }

    private static func isRegular(_ path: String, size: Int, followsLink: Bool) -> Bool {
        var status = stat()
        return (followsLink ? stat(path, &status) : lstat(path, &status)) == 0 && status.st_mode & S_IFMT == S_IFREG
            && Int(status.st_size) == size
    }
}
