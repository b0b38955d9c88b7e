import CXXHash
import Digests
import Foundation
import Synchronization
import Tensors

/// SHA-256 of a set of files by their content alone: the digest over each file's length and the digests of its pieces of 64 MiB, so that
/// several threads can share the work.
package struct ContentDigest: Hashable, Sendable, CustomStringConvertible {
    /// 64 lowercase hexadecimal digits.
    package let description: String

    private static let piece = 64 << 20

    /// Reads all of the files, in the order given.
    /// - Parameter progress: hears the fraction done, on the calling thread.
    /// - Throws: `CheckpointError.cannotRead`.
    package init(of files: [OpenFile], pool: WorkerPool, progress: (Double) -> Void = { _ in }) throws(CheckpointError) {
        let pieces = files.flatMap { file in
            stride(from: 0, to: file.count, by: Self.piece).map { (file, $0..<min($0 + Self.piece, file.count)) }
        }
        let digestBytes = 32
        let digests = AlignedBuffer<UInt8>(count: pieces.count * digestBytes)
        let base = digests.pointer
        let failure = Mutex<CheckpointError?>(nil)
        for start in stride(from: 0, to: pieces.count, by: 2 * pool.threads) {
            let end = min(start + 2 * pool.threads, pieces.count)
            pool.parallel(end - start) { task in
                let (file, range) = pieces[start + task]
                do throws(CheckpointError) {
                    let digest = try Self.digest(file, range)
                    for (index, byte) in digest.enumerated() { base[(start + task) * digestBytes + index] = byte }
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
            if let failure = failure.withLock({ $0 }) { throw failure }
            progress(Double(end) / Double(pieces.count))
        }
        var whole = StreamingDigest()
        for file in files { whole.update("\(file.count)\n") }
        whole.update(UnsafeRawBufferPointer(start: base, count: digests.count))
        description = whole.hex()
    }

    private static func digest(_ file: OpenFile, _ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
        var hash = StreamingDigest()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(portion, range.count), alignment: 64)
        defer { buffer.deallocate() }
        var start = range.lowerBound
        while start < range.upperBound, let target = buffer.baseAddress {
            let count = min(buffer.count, range.upperBound - start)
            try file.read(start..<start + count, into: target)
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            start += count
        }
        return hash.value()
    }

    private static let portion = 256 << 10

    /// The SHA-256 of a text.
    package init(text: String) { description = HexText.of(SHA256.of(Array(text.utf8))) }

    /// The SHA-256 of some bytes.
    package init(bytes: UnsafeRawBufferPointer) { description = HexText.of(SHA256.of(bytes)) }

    /// A digest computed before.
    init(unchecked description: String) { self.description = description }
}

/// XXH3, 64 bits: finds damage, not malice.
func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard let start = bytes.baseAddress else { return XXH3_64bits("", 0) }
    return XXH3_64bits(start, bytes.count)
}
