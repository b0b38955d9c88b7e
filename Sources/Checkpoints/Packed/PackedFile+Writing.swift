import Foundation
import Tensors

/// Writes a `PackedFile` beside its final place and moves it there when it is whole and on the disk: whoever looks finds all of it or none.
package final class PackedFileWriter {
    /// The system refused: no space, no permission.
    package struct Failure: Error, CustomStringConvertible {
        package let path: String
        package let reason: String
        package var description: String { "\(path): \(reason)" }
    }

    private let path: String
    private let partialPath: String
    private let descriptor: Int32
    private let region: MemoryRegion
    private let dataBytes: Int
    private var isFinished = false
    /// Sends written bytes to the disk while the caller makes more.
    private let flusher = DispatchQueue(label: "resa.packed-file", qos: .utility)
    private var unflushed = 0
    private static let flushBytes = 128 << 20

    /// - Parameter dataBytes: how much of `region` is data; the region reaches to the next multiple of 4096, with zeros.
    package init(path: String, region: MemoryRegion, dataBytes: Int) throws(Failure) {
        precondition(region.byteCount == (dataBytes + 4095) / 4096 * 4096)
        (self.path, self.region, self.dataBytes) = (path, region, dataBytes)
        partialPath = "\(path).\(UUID().uuidString)\(PackedFileWriter.partialSuffix)"
        descriptor = open(partialPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(path: partialPath, reason: systemErrorText()) }
        // Tells others that somebody is at it; a system without such locks is no reason to fail.
        flock(descriptor, LOCK_EX | LOCK_NB)
    }

    static let partialSuffix = ".partial"

    /// A file that was not finished is removed.
    deinit {
        flusher.sync {}
        close(descriptor)
        if !isFinished { unlink(partialPath) }
    }

    /// Writes bytes `range` of the region; the disk starts to store them while the caller goes on.
    package func write(_ range: Range<Int>) throws(Failure) {
        let offset = PackedFile.headerBytes + range.lowerBound
        try write(UnsafeRawBufferPointer(rebasing: region.bytes[range]), at: offset)
        unflushed += range.count
        if unflushed >= Self.flushBytes {
            unflushed = 0
            flusher.async { [descriptor] in _ = fdatasync(descriptor) }
        }
    }

    /// Adds what stands around the data, waits for the disk, and moves the file to its place. All data has been written.
    package func finish(key: String, note: String, pool: WorkerPool) throws(Failure) {
        var header = PackedFile.Header(dataBytes: dataBytes, indexBytes: 0, indexChecksum: 0)
        let sums = AlignedBuffer<UInt64>(count: header.chunkCount)
        let (base, bytes, layout) = (sums.pointer, region.bytes, header)
        pool.parallel(header.chunkCount) { index in
            base[index] = checksum(UnsafeRawBufferPointer(rebasing: bytes[layout.chunk(index)]))
        }
        let index = PackedFile.Index(checksums: Array(sums.buffer), key: key, note: note).bytes
        header.indexBytes = index.count
        header.indexChecksum = index.withUnsafeBytes { checksum($0) }
        try write(index, at: header.indexStart)
        try write(header.bytes, at: 0)
        flusher.sync {}
        guard fsync(descriptor) == 0 else { throw Failure(path: partialPath, reason: systemErrorText()) }
        guard rename(partialPath, path) == 0 else { throw Failure(path: path, reason: systemErrorText()) }
        isFinished = true
        // The new name must survive a power cut too; a folder that cannot be synced is no reason to fail.
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws(Failure) {
        let result = bytes.withUnsafeBytes { bytes in Result { () throws(Failure) in try write(bytes, at: offset) } }
        try result.get()
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw Failure(path: partialPath, reason: systemErrorText()) }
            done += put
        }
    }
}
