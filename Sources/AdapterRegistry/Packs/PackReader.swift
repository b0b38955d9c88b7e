import Digests
import Foundation

/// An open pack whose header, manifest, sizes and signature have been checked; its files' bytes are checked as they are read.
package final class PackReader {
    package let path: String
    package let manifest: PackManifest
    /// Who signed it; nil when nobody did.
    package let signer: PackPublicKey?

    private let file: SystemFile
    private let bodyStart: Int
    private let decompressor: FrameDecompressor

    /// - Parameter trusting: when not empty, the pack must be signed by one of these keys.
    /// - Parameter mayRead: asked with the open file before any of it is read.
    /// - Throws: `.malformed`, `.badPath`, `.overLimit` or `.signature`; nothing has been decompressed then.
    package init(
        path: String, limits: PackLimits = PackLimits(), trusting: [PackPublicKey] = [],
        mayRead: (_ descriptor: Int32) -> Bool = { _ in true }
    ) throws(AdapterStorageError) {
        self.path = path
        file = try SystemFile.read(path)
        guard mayRead(file.descriptor) else { throw .badSource(path: path, problem: "it is a link to where it may not lead") }
        let size = try file.size()
        let header = try PackHeader(try file.read(min(size, PackHeader.size), what: "header"), file: path)
        guard header.manifestBytes <= limits.manifestBytes else {
            throw .overLimit(file: path, what: "the manifest's size in bytes", got: header.manifestBytes, limit: limits.manifestBytes)
        }
        let (wanted, overflows) = header.fileBytes()
        guard !overflows, wanted == size else {
            throw .malformed(
                file: path, what: "size", got: "\(size) bytes",
                wanted: overflows
                    ? "what its header says, which no file has"
                    : "\(wanted), as its header says; it is cut short or has bytes appended")
        }
        let text = try file.read(header.manifestBytes, what: "manifest")
        guard SHA256.of(text) == header.manifestSHA256 else {
            throw .damaged(file: path, what: "manifest", problem: "its SHA-256 is not the header's")
        }
        signer =
            header.isSigned
            ? try PackSignature(try file.read(PackSignature.size, what: "signature"), of: header, file: path).signer : nil
        if !trusting.isEmpty {
            guard let signer else { throw .signature(file: path, problem: "it is not signed, and a signature of a trusted key is wanted") }
            guard trusting.contains(signer) else {
                throw .signature(file: path, problem: "it is signed by \(signer), which is not trusted")
            }
        }
        manifest = try PackManifest(text, bodyBytes: header.bodyBytes, limits: limits, file: path)
        bodyStart = size - header.bodyBytes
        decompressor = try FrameDecompressor()
    }

    /// Decompresses one file of the manifest and compares it with its hash.
    /// - Parameter body: gets the bytes in order, never more than the manifest says; they are only known to be right when this returns.
    /// - Throws: `.damaged`; what `body` throws.
    package func read(
        _ entry: PackManifest.File, _ body: (UnsafeRawBufferPointer) throws(AdapterStorageError) -> Void
    ) throws(AdapterStorageError) {
        var hash = StreamingDigest()
        for frame in entry.frames {
            try file.seek(to: bodyStart + frame.offset)
            let what = entry.content.path + (frame.tensor.map { ", tensor \($0)" } ?? "")
            try decompressor.read(frame, from: file, what: what) { (bytes) throws(AdapterStorageError) in
                hash.update(bytes)
                try body(bytes)
            }
        }
        let sha256 = hash.hex()
        guard sha256 == entry.content.sha256 else {
            throw .damaged(file: path, what: entry.content.path, problem: "its SHA-256 is \(sha256), wanted \(entry.content.sha256)")
        }
    }

    /// Reads everything and keeps nothing.
    /// - Parameter progress: hears the fraction of bytes done.
    package func verify(progress: (Double) -> Void = { _ in }) throws(AdapterStorageError) {
        var counter = ByteCounter(total: manifest.bytes)
        for entry in manifest.files {
            try read(entry) { bytes in progress(counter.add(bytes.count)) }
        }
    }
}

/// Tells which part of so many bytes is done.
struct ByteCounter {
    private let total: Int
    private var done = 0

    init(total: Int) { self.total = max(total, 1) }

    mutating func add(_ count: Int) -> Double {
        done += count
        return Double(done) / Double(total)
    }
}
