import Kernels

/// Scratch memory by bump allocation: take a mark, allocate, release the mark. Chunks are never moved and are kept for the next use, so a
/// steady state allocates nothing. Owned by one thread; memory it hands out may be written by the pool's tasks.
package final class Workspace {
    package struct Mark {
        fileprivate let chunk: Int
        fileprivate let offset: Int
    }

    private struct Chunk {
        let base: UnsafeMutableRawPointer
        let size: Int
    }

    private static let alignment = 64
    private static let smallestChunk = 1 << 20
    private var chunks: [Chunk] = []
    private var current = 0
    private var offset = 0

    package init() {}

    deinit { chunks.forEach { resa_free($0.base, $0.size) } }

    /// Bytes held from the system.
    package var byteCount: Int { chunks.reduce(0) { $0 + $1.size } }

    package func mark() -> Mark { Mark(chunk: current, offset: offset) }

    /// Gives back everything allocated since the mark. Marks are released in reverse order.
    package func release(_ mark: Mark) {
        assert((mark.chunk, mark.offset) <= (current, offset))
        current = mark.chunk
        offset = mark.offset
    }

    /// Uninitialised, 64-byte aligned.
    package func allocate<T: BitwiseCopyable>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
        precondition(count >= 0, "Workspace: negative count \(count)")
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
        precondition(!overflow && bytes < Int.max / 2, "Workspace: \(count) elements are too many")
        return take((bytes + Self.alignment - 1) / Self.alignment * Self.alignment).bindMemory(to: type, capacity: count)
    }

    /// An uninitialised matrix; rows start on 64-byte boundaries.
    package func matrix(_ rows: Int, _ columns: Int) -> MatrixView {
        let stride = (columns + 15) / 16 * 16
        return MatrixView(pointer: allocate(Float.self, rows * stride), rows: rows, columns: columns, stride: stride)
    }

    private func take(_ bytes: Int) -> UnsafeMutableRawPointer {
        while current < chunks.count {
            if offset + bytes <= chunks[current].size {
                defer { offset += bytes }
                return chunks[current].base + offset
            }
            current += 1
            offset = 0
        }
        let size = max(bytes, chunks.last.map { $0.size * 2 } ?? 0, Self.smallestChunk)
        guard let base = resa_allocate(size) else { fatalError("out of memory: workspace of \(size) bytes") }
        chunks.append(Chunk(base: base, size: size))
        offset = bytes
        return base
    }
}
