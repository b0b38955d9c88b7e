import Foundation
import Synchronization
import Tensors

extension PackedFile {
    /// Reads the file into memory of its own, on all threads, and verifies every byte on the way.
    ///
    /// It is read rather than mapped: weights are streamed through at every step, and a mapping of a file is made of small pages.
    ///
    /// - Parameters:
    ///   - key: what the file must have been written under.
    ///   - byteCount: how much data it must hold.
    ///   - progress: hears the fraction done, on the calling thread.
    package static func read(
        path: String, key: String, byteCount: Int, pool: WorkerPool, progress: (Double) -> Void = { _ in }
    ) throws(Refusal) -> Content {
        let descriptor: Int32
        let status: stat
        do throws(CheckpointError) {
            (descriptor, status) = try openRegularFile(path)
        } catch {
            throw .cannotRead("\(error)")
        }
        defer { close(descriptor) }
        let header = try readHeader(descriptor, fileBytes: Int(status.st_size))
        let index = try readIndex(descriptor, header)
        guard index.key == key else { throw .otherKey(index.key) }
        guard header.dataBytes == byteCount else { throw .otherSize(got: header.dataBytes, wanted: byteCount) }
        return Content(region: try readData(descriptor, header, index, pool: pool, progress: progress), note: index.note)
    }

    private static func readHeader(_ descriptor: Int32, fileBytes: Int) throws(Refusal) -> Header {
        guard fileBytes >= headerBytes else { throw .cutShort(got: fileBytes, wanted: headerBytes) }
        let buffer = AlignedBuffer<UInt8>(count: headerBytes)
        try read(descriptor, at: 0, into: UnsafeMutableRawBufferPointer(buffer.buffer))
        let header = try Header(UnsafeRawBufferPointer(buffer.buffer))
        guard fileBytes == header.fileBytes else { throw .cutShort(got: fileBytes, wanted: header.fileBytes) }
        return header
    }

    private static func readIndex(_ descriptor: Int32, _ header: Header) throws(Refusal) -> Index {
        let buffer = AlignedBuffer<UInt8>(count: header.indexBytes)
        try read(descriptor, at: header.indexStart, into: UnsafeMutableRawBufferPointer(buffer.buffer))
        let bytes = UnsafeRawBufferPointer(buffer.buffer)
        guard checksum(bytes) == header.indexChecksum else { throw .damaged("index") }
        return try Index(bytes, chunkCount: header.chunkCount)
    }

    private static func readData(
        _ descriptor: Int32, _ header: Header, _ index: Index, pool: WorkerPool, progress: (Double) -> Void
    ) throws(Refusal) -> MemoryRegion {
        // All of the padded data, so that whole chunks can be checked.
        let region = MemoryRegion(byteCount: header.paddedDataBytes)
        let bytes = region.bytes
        let refusal = Mutex<Refusal?>(nil)
        let batch = 8 * pool.threads
        for start in stride(from: 0, to: header.chunkCount, by: batch) {
            let end = min(start + batch, header.chunkCount)
            pool.parallel(end - start) { task in
                let range = header.chunk(start + task)
                let target = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
                do throws(Refusal) {
                    try read(descriptor, at: headerBytes + range.lowerBound, into: target)
                    guard checksum(UnsafeRawBufferPointer(target)) == index.checksums[start + task] else {
                        throw .damaged("data (bytes \(range))")
                    }
                } catch {
                    refusal.withLock { $0 = $0 ?? error }
                }
            }
            if let refusal = refusal.withLock({ $0 }) { throw refusal }
            progress(Double(end) / Double(header.chunkCount))
        }
        return region
    }

    private static func read(_ descriptor: Int32, at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(Refusal) {
        var done = 0
        while done < target.count {
            let got = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw got < 0 ? .cannotRead(systemErrorText()) : .cutShort(got: offset + done, wanted: offset + target.count)
            }
            done += got
        }
    }
}
