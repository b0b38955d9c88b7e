import Foundation

/// A file under way: `NAME.part` beside its final place, and `NAME.part.json` that says what it is a part of. Both outlive the process; a
/// later pull of the same content goes on where this one ended.
final class PartialFile {
    /// What the bytes so far belong to.
    struct Resumption: Codable, Equatable {
        var address: String
        /// A strong ETag of the answer they came in.
        var tag: String?
        var check: ContentCheck?
        var size: Int?
        /// Which run of the system wrote them: after a power cut, bytes that no digest vouches for may be missing.
        var boot: String
    }

    private let destination: String
    private let file: RemoteFile
    private let descriptor: Int32
    private var hasher: ContentHasher
    private var resumption: Resumption
    /// Bytes so far.
    private(set) var count = 0

    private var path: String { destination + RemotePath.partialSuffix }
    private var notePath: String { destination + RemotePath.resumptionSuffix }
    /// The strong ETag of the answer that the bytes so far came in.
    var tag: String? { resumption.tag }

    /// Opens what an earlier pull left, and reads it for the digest, if it is a part of the same content; else begins anew.
    /// - Throws: `.disk`, `.cancelled`.
    init(_ file: RemoteFile, in folder: URL, control: PullControl) throws(PullError) {
        self.file = file
        destination = folder.appendingPathComponent(file.path).path
        let parent = (destination as NSString).deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        } catch {
            throw .disk(path: parent, reason: "the folder cannot be made: \(error.localizedDescription)")
        }
        try Self.refuseLinkOut(from: folder.path, to: parent)
        let path = destination + RemotePath.partialSuffix
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        resumption = Resumption(
            address: file.address.shown, tag: nil, check: file.check, size: file.size, boot: Self.boot)
        hasher = ContentHasher(gitBlobOf: file.check?.gitSize(file.size))
        guard descriptor >= 0 else { throw systemError(path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .disk(path: path, reason: "it is no regular file")
        }
        guard status.st_size > 0 else { return }
        if let note = Self.note(at: notePath), isPart(note), Int(status.st_size) <= file.size ?? .max {
            resumption.tag = note.tag
            count = Int(status.st_size)
            try readBack(control)
        } else {
            try restart(tag: nil)
        }
    }

    /// A folder inside the destination may be somebody's link to another place.
    private static func refuseLinkOut(from folder: String, to parent: String) throws(PullError) {
        func real(_ path: String) -> String? {
            guard let pointer = realpath(path, nil) else { return nil }
            defer { free(pointer) }
            return String(validatingCString: pointer)
        }
        guard let root = real(folder), let place = real(parent) else { throw systemError(parent) }
        guard place.utf8.elementsEqual(root.utf8) || place.utf8.starts(with: "\(root)/".utf8) else {
            throw .disk(path: parent, reason: "a link there leads out of the folder that is pulled into")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private func isPart(_ note: Resumption) -> Bool {
        // A digest tells in the end whether the parts fit; without one the same address must promise the same bytes.
        if let check = file.check { return note.check == check && note.size == file.size }
        return note.address == file.address.shown && note.tag != nil && note.boot == Self.boot
    }

    private func readBack(_ control: PullControl) throws(PullError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while offset < count {
            if control.isStopped { throw .cancelled }
            let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, min($0.count, count - offset), off_t(offset)) }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw systemError(path) }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
            offset += got
        }
    }

    /// Drops the bytes so far; what follows comes in an answer with this ETag.
    func restart(tag: String?) throws(PullError) {
        guard ftruncate(descriptor, 0) == 0 else { throw systemError(path) }
        count = 0
        hasher = ContentHasher(gitBlobOf: file.check?.gitSize(file.size))
        resumption.tag = tag
        do {
            try JSONEncoder().encode(resumption).write(to: URL(fileURLWithPath: notePath), options: .atomic)
        } catch {
            throw .disk(path: notePath, reason: error.localizedDescription)
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(PullError) {
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(count + done))
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw systemError(path) }
            done += put
        }
        hasher.update(bytes)
        count += bytes.count
    }

    /// Checks the whole, waits for the disk and moves the file to its place.
    /// - Returns: its SHA-256.
    /// - Throws: `.wrongDigest`, after which the bytes are gone; `.disk`.
    func finish() throws(PullError) -> String {
        let digest: String
        do {
            digest = try hasher.finish(file: file.path, check: file.check)
        } catch {
            try restart(tag: nil)
            throw error
        }
        guard fsync(descriptor) == 0 else { throw systemError(path) }
        guard rename(path, destination) == 0 else { throw systemError(destination) }
        unlink(notePath)
        syncFolder((destination as NSString).deletingLastPathComponent)
        return digest
    }

    private static func note(at path: String) -> Resumption? {
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 64 << 10) else { return nil }
        return try? JSONDecoder().decode(Resumption.self, from: data)
    }

    private static let boot =
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
        ?? ""
}

extension ContentCheck {
    /// What git's name needs to know at the beginning.
    func gitSize(_ size: Int?) -> Int? { if case .gitBlob = self { size } else { nil } }
}

/// What the system said last about `path`.
func systemError(_ path: String) -> PullError { .disk(path: path, reason: String(cString: strerror(errno))) }

/// A new name must survive a power cut too; a folder that cannot be synced is no reason to fail.
func syncFolder(_ path: String) {
    let folder = open(path, O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
        fsync(folder)
        close(folder)
    }
}
