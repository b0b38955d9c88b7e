import Kernels

/// Owned memory for `count` elements: zero-filled, 64-byte aligned, freed on deinit. From 1 MiB on it is mapped with huge pages advised and
/// takes physical memory only where it is touched. Sendable, as it is only storage: whoever writes through `pointer` orders the writes.
package struct AlignedBuffer<Element: BitwiseCopyable & Sendable>: ~Copyable, Sendable {
    package let count: Int
    /// Invariant: the address never changes and is freed by deinit alone, so it can be read from any thread.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer

    /// Stops the process when the system has no address space left, as any allocation in Swift does.
    package init(count: Int) {
        precondition(count >= 0, "AlignedBuffer: negative count \(count)")
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflow, let base = resa_allocate(bytes) else {
            fatalError("out of memory: \(count) elements of \(MemoryLayout<Element>.stride) bytes")
        }
        self.count = count
        self.base = base
    }

    deinit { resa_free(base, count * MemoryLayout<Element>.stride) }

    package var pointer: UnsafeMutablePointer<Element> { base.assumingMemoryBound(to: Element.self) }

    package var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: pointer, count: count) }
}
