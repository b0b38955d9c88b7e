import Kernels

/// Scratch memory by bump allocation: take a mark, allocate, release the mark. Chunks are never moved and are kept for the next use, so a
/// steady state allocates nothing. Owned by one thread; memory it hands out may be written by the pool's tasks.
package final class Workspace {
    package struct Mark: BitwiseCopyable {
        fileprivate let chunk: Int
        fileprivate let offset: Int
    }

    private struct Chunk: BitwiseCopyable {
        let base: UnsafeMutableRawPointer
        let size: Int
    }

    /// Plain memory, so that taking some of it checks and counts nothing.
    private struct State: BitwiseCopyable {
        var current = 0
        var offset = 0
        var count = 0
    }

    private static let alignment = 64
    private static let smallestChunk = 1 << 20
    /// Each chunk is at least twice the one before: this many are more than there is memory.
    private static let mostChunks = 48
    private let chunks = UnsafeMutablePointer<Chunk>.allocate(capacity: mostChunks)
    private let state = UnsafeMutablePointer<State>.allocate(capacity: 1)

    package init() { state.initialize(to: State()) }

    deinit {
        for index in 0..<state.pointee.count { resa_free(chunks[index].base, chunks[index].size) }
        chunks.deallocate()
        state.deallocate()
    }

    /// Bytes held from the system.
    package var byteCount: Int { (0..<state.pointee.count).reduce(0) { $0 + chunks[$1].size } }

    package func mark() -> Mark { Mark(chunk: state.pointee.current, offset: state.pointee.offset) }

    /// Gives back everything allocated since the mark. Marks are released in reverse order.
    package func release(_ mark: Mark) {
        assert((mark.chunk, mark.offset) <= (state.pointee.current, state.pointee.offset))
        state.pointee.current = mark.chunk
        state.pointee.offset = mark.offset
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
        while state.pointee.current < state.pointee.count {
            let chunk = chunks[state.pointee.current]
            let offset = state.pointee.offset
            if offset + bytes <= chunk.size {
                state.pointee.offset = offset + bytes
                return chunk.base + offset
            }
            state.pointee.current += 1
            state.pointee.offset = 0
        }
        return grow(bytes)
    }

    private func grow(_ bytes: Int) -> UnsafeMutableRawPointer {
        let count = state.pointee.count
        let size = max(bytes, count > 0 ? chunks[count - 1].size * 2 : 0, Self.smallestChunk)
        guard count < Self.mostChunks, let base = resa_allocate(size) else { fatalError("out of memory: workspace of \(size) bytes") }
        chunks[count] = Chunk(base: base, size: size)
        state.pointee.count = count + 1
        state.pointee.offset = bytes
        return base
    }
}
