import Kernels

/// Owned memory for `count` elements: zero-filled, 64-byte aligned, freed on deinit. From 1 MiB on it is mapped with huge pages advised and
/// takes physical memory only where it is touched. Sendable where its elements are, as it is only storage: whoever writes orders the writes.
///
/// Elements are reached as through a pointer, at the same cost: by subscript, with the index checked in debug builds alone. Public, because
/// only what is public is inlined in other targets.
@frozen
public struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
    public let count: Int
    /// Invariant: the address never changes and is freed by deinit alone, so it can be read from any thread.
    @usableFromInline nonisolated(unsafe) let base: UnsafeMutableRawPointer

    /// Every byte is zero, which must be a value of `Element` wherever one is read before it is written. Stops the process when the system
    /// has no address space left, as any allocation in Swift does.
    public init(count: Int) {
        precondition(count >= 0, "AlignedBuffer: negative count \(count)")
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflow, let base = resa_allocate(bytes) else {
            fatalError("out of memory: \(count) elements of \(MemoryLayout<Element>.stride) bytes")
        }
        self.count = count
        self.base = base
    }

    @inlinable
    public init(repeating value: Element, count: Int) {
        self.init(count: count)
        pointer.initialize(repeating: value, count: count)
    }

    @inlinable
    public init(_ elements: [Element]) {
        self.init(count: elements.count)
        _ = buffer.initialize(from: elements)
    }

    deinit { resa_free(base, count * MemoryLayout<Element>.stride) }

    /// Valid for as long as the buffer lives.
    @inlinable public var pointer: UnsafeMutablePointer<Element> { base.assumingMemoryBound(to: Element.self) }

    @inlinable public var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: pointer, count: count) }

    @inlinable public subscript(index: Int) -> Element {
        unsafeAddress {
            assert(index >= 0 && index < count, "AlignedBuffer: index \(index) of \(count) elements")
            return UnsafePointer(pointer + index)
        }
        nonmutating unsafeMutableAddress {
            assert(index >= 0 && index < count, "AlignedBuffer: index \(index) of \(count) elements")
            return pointer + index
        }
    }
}

extension AlignedBuffer: Sendable where Element: Sendable {}
