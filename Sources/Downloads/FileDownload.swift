import Digests
import Foundation

/// Brings one file from the network to its place: tries, resumes, checks.
final class FileDownload {
    private let file: RemoteFile
    private let folder: URL
    private let client: HTTPClient
    private let settings: PullSettings
    private let control: PullControl
    private var isSizeTold: Bool

    init(_ file: RemoteFile, into folder: URL, client: HTTPClient, settings: PullSettings, control: PullControl) {
        (self.file, self.folder, self.client, self.settings, self.control) = (file, folder, client, settings, control)
        isSizeTold = file.size != nil
    }

    /// - Returns: the file's SHA-256 and size.
    /// - Throws: the error of the last try.
    func run() throws(PullError) -> (sha256: String, bytes: Int) {
        let partial = try PartialFile(file, in: folder, control: control)
        control.update {
            $0.bytes += partial.count
            $0.bytesFound += partial.count
        }
        var retries = Retries(settings: settings, control: control)
        while true {
            let before = partial.count
            do throws(AttemptFailure) {
                return (try attempt(partial), partial.count)
            } catch {
                try retries.wait(after: error, gained: partial.count - before >= settings.progressBytes)
            }
        }
    }

    private func attempt(_ partial: PartialFile) throws(AttemptFailure) -> String {
        if file.size == nil || partial.count != file.size { try fetch(partial) }
        let count = partial.count
        do throws(PullError) {
            return try partial.finish()
        } catch .wrongDigest(let name, let algorithm, let got, let wanted) {
            // Nothing of it is kept: the next try starts from nothing.
            control.update { $0.bytes -= count }
            throw .transient(.wrongDigest(file: name, algorithm: algorithm, got: got, wanted: wanted))
        } catch {
            throw .final(error)
        }
    }

    private func fetch(_ partial: PartialFile) throws(AttemptFailure) {
        var headers = ["Accept-Encoding: identity"]
        // Without a strong ETag or a digest nothing tells whether the rest fits what is here.
        if partial.count > 0, partial.tag == nil, file.check == nil { try restart(partial, tag: nil) }
        if partial.count > 0 {
            headers.append("Range: bytes=\(partial.count)-")
            if let tag = partial.tag { headers.append("If-Range: \(tag)") }
        }
        let asked = partial.count
        var wanted = file.size
        try client.get(
            file.address, file: file.path, headers: headers, redirected: { head throws(AttemptFailure) in try self.checkHub(head) },
            receiver: HTTPConnection.Receiver(
                head: { head throws(AttemptFailure) in
                    try self.checkHub(head)
                    wanted = try self.begin(partial, head, asked: asked)
                },
                body: { bytes throws(AttemptFailure) in
                    try self.receive(bytes, partial, wanted: wanted)
                    return true
                }))
        guard wanted == nil || partial.count == wanted else {
            throw .transient(.wrongSize(file: file.path, got: partial.count, wanted: wanted ?? 0))
        }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer, _ partial: PartialFile, wanted: Int?) throws(AttemptFailure) {
        let count = partial.count + bytes.count
        if let wanted, count > wanted {
            // More than it should be: none of it can be trusted.
            try restart(partial, tag: nil)
            throw .transient(.wrongSize(file: file.path, got: count, wanted: wanted))
        }
        guard count <= settings.fileLimit else {
            throw .final(.tooLarge(what: file.path, bytes: count, limit: settings.fileLimit))
        }
        do throws(PullError) { try partial.append(bytes) } catch { throw .final(error) }
        control.update { $0.bytes += bytes.count }
        let all = control.progress.bytes
        guard all <= settings.totalLimit else {
            throw .final(.tooLarge(what: "what is pulled", bytes: all, limit: settings.totalLimit))
        }
    }

    /// Whether the answer is the file, or the rest of it.
    /// - Returns: how many bytes the whole must have; nil when nobody says.
    private func begin(_ partial: PartialFile, _ head: HTTPHead, asked: Int) throws(AttemptFailure) -> Int? {
        func wrong(_ got: String, _ wanted: String) -> AttemptFailure {
            .final(.wrongAnswer(file: file.path, address: head.address.shown, got: got, wanted: wanted))
        }
        if head.status == 416 {
            try restart(partial, tag: nil)
            if let whole = head.wholeLength, let size = file.size, whole != size {
                throw .transient(.wrongSize(file: file.path, got: whole, wanted: size))
            }
            throw .transient(.wrongAnswer(file: file.path, address: head.address.shown, got: "status 416", wanted: "bytes from \(asked)"))
        }
        if let encoding = head.headers["content-encoding"], encoding.lowercased() != "identity" {
            throw wrong("content encoded as \(encoding)", "the file as it is")
        }
        if let type = head.headers["content-type"]?.lowercased(), type.hasPrefix("text/html"), !file.path.hasSuffix(".html"),
            !file.path.hasSuffix(".htm")
        {
            throw wrong("a web page (\(type))", "the file")
        }
        let whole: Int?
        switch head.status {
        case 200:
            whole = head.contentLength
            try checkSize(whole)
            try restart(partial, tag: head.strongTag)
        case 206 where asked > 0:
            guard let range = head.contentRange, range.start == asked else {
                try restart(partial, tag: nil)
                throw .transient(
                    .wrongAnswer(
                        file: file.path, address: head.address.shown, got: "the range \(head.headers["content-range"] ?? "nobody named")",
                        wanted: "bytes from \(asked)"))
            }
            if let tag = partial.tag, let now = head.headers["etag"], now != tag {
                try restart(partial, tag: nil)
                throw .transient(.wrongAnswer(file: file.path, address: head.address.shown, got: "the ETag \(now)", wanted: tag))
            }
            whole = range.whole
            try checkSize(whole)
        default:
            throw wrong("status \(head.status)", "200\(asked > 0 ? " or 206" : "")")
        }
        if !isSizeTold, let whole {
            isSizeTold = true
            control.update { $0.learn(size: whole) }
        }
        guard file.size != nil || whole != nil || file.check != nil || head.endsItself else {
            throw wrong("an answer that does not say where it ends", "Content-Length")
        }
        return file.size ?? whole
    }

    private func checkSize(_ whole: Int?) throws(AttemptFailure) {
        guard let whole else { return }
        if let size = file.size, size != whole { throw .final(.wrongSize(file: file.path, got: whole, wanted: size)) }
        guard whole <= settings.fileLimit else {
            throw .final(.tooLarge(what: file.path, bytes: whole, limit: settings.fileLimit))
        }
    }

    private func restart(_ partial: PartialFile, tag: String?) throws(AttemptFailure) {
        let lost = partial.count
        do throws(PullError) { try partial.restart(tag: tag) } catch { throw .final(error) }
        control.update { $0.bytes -= lost }
    }

    /// The Hub says of which commit a file is, and the stored object's size and digest, on the redirect that leads there.
    private func checkHub(_ head: HTTPHead) throws(AttemptFailure) {
        guard let commit = file.commit else { return }
        func wrong(_ got: String, _ wanted: String) -> AttemptFailure {
            .final(.wrongAnswer(file: file.path, address: head.address.shown, got: got, wanted: wanted))
        }
        if let other = head.headers["x-repo-commit"], other != commit { throw wrong("commit \(other)", "commit \(commit)") }
        if let size = file.size, let other = head.headers["x-linked-size"], Int(other) != size {
            throw .final(.wrongSize(file: file.path, got: Int(other) ?? -1, wanted: size))
        }
        if case .sha256(let digest) = file.check, let tag = head.headers["x-linked-etag"].map(HTTPHead.plainTag),
            HexText.isHex(tag, digits: 64), tag != digest
        {
            throw .final(.wrongDigest(file: file.path, algorithm: "sha256", got: tag, wanted: digest))
        }
    }
}
