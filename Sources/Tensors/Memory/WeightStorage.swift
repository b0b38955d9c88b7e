/// Memory that packed weights lie in, shared by reference: one region holds all matrices of a model.
package final class MemoryRegion: Sendable {
    private let buffer: AlignedBuffer<UInt8>

    /// Zero-filled; takes physical memory only where it is touched.
    package init(byteCount: Int) { buffer = AlignedBuffer(count: byteCount) }

    package var byteCount: Int { buffer.count }
    /// 64-byte aligned; the bytes live as long as the region. Whoever writes orders the writes.
    package var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(buffer.buffer) }
}

/// A part of a region, which it keeps alive.
package struct WeightStorage: Sendable {
    package let region: MemoryRegion
    package let range: Range<Int>

    /// `range` lies inside the region and begins at a multiple of 64.
    package init(region: MemoryRegion, range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= region.byteCount && range.lowerBound % 64 == 0)
        self.region = region
        self.range = range
    }

    /// A region of its own.
    package init(byteCount: Int) {
        self.init(region: MemoryRegion(byteCount: byteCount), range: 0..<byteCount)
    }

    package var byteCount: Int { range.count }
    package var pointer: UnsafeMutableRawPointer { region.bytes.baseAddress! + range.lowerBound }
}
