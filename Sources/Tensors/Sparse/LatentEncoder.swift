import Kernels

/// The encoder of a sparse autoencoder, W [latents, width] with biases, for selecting the k largest pre-activations without computing all of
/// them: 8-bit codes bound every one, and the few that can be among the k largest are computed exactly from the stored rows.
///
/// The result is that of computing every one, bit for bit, on every tier (`resa_latents.h` defines the sum and proves the bound). It does
/// not depend on threads or on the rows beside.
package final class LatentEncoder: Sendable {
    package let latents: Int
    package let width: Int
    package let format: FloatFormat
    /// Exactly one of the two holds the rows.
    private let single: AlignedBuffer<Float>
    private let brain: AlignedBuffer<UInt16>
    private let packed: AlignedBuffer<UInt8>

    /// Packs W from rows in f32, which are rounded to the format (nearest even).
    /// - Parameter bias: [latents].
    /// - Parameter fill: as in `PackedMatrix`. The first error it throws is rethrown.
    package init(
        latents: Int, width: Int, format: FloatFormat, bias: UnsafePointer<Float>, pool: WorkerPool,
        fill: @Sendable (_ range: Range<Int>, _ rows: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        let single = AlignedBuffer<Float>(count: format == .f32 ? latents * width : 0)
        let brain = AlignedBuffer<UInt16>(count: format == .bf16 ? latents * width : 0)
        let packed = AlignedBuffer<UInt8>(count: resa_latents_bytes(latents, width))
        nonisolated(unsafe) let target = (single: single.pointer, brain: brain.pointer, packed: packed.pointer, bias: bias)
        let rows = UnsafeRawPointer(format == .f32 ? UnsafeMutableRawPointer(single.pointer) : UnsafeMutableRawPointer(brain.pointer))
        nonisolated(unsafe) let encoder = resa_latents(
            latents: latents, width: width, rows: rows, brain: format == .bf16, packed: UnsafeRawPointer(packed.pointer))
        let kernels = pool.instructionSet
        try PackedMatrix.forEachBlock(latents, pool: pool) {
            PackScratch(width: width)
        } _: { range, scratch in
            let start = range.lowerBound * width
            switch format {
            case .f32: try fill(range, target.single + start)
            case .bf16:
                try fill(range, scratch.rows.pointer)
                resa_round_row(range.count * width, range.count * width, scratch.rows.pointer, target.brain + start)
            }
            withUnsafePointer(to: encoder) { encoder in
                let columns = RESA_QUANT_PANEL_COLUMNS
                resa_latents_pack(
                    kernels.kernels, encoder, target.bias, range.lowerBound / columns, (range.upperBound + columns - 1) / columns,
                    target.packed, scratch.bytes.pointer)
            }
        }
        (self.latents, self.width, self.format) = (latents, width, format)
        self.single = single
        self.brain = brain
        self.packed = packed
    }

    /// Bytes of the stored rows, the codes and the bounds.
    package var byteCount: Int { single.count * 4 + brain.count * 2 + packed.count }

    private final class PackScratch {
        let rows: AlignedBuffer<Float>
        let bytes: AlignedBuffer<UInt8>
        init(width: Int) {
            rows = AlignedBuffer(count: PackedMatrix.fillRows * width)
            bytes = AlignedBuffer(count: resa_latents_pack_scratch(width))
        }
    }

    private var kernel: resa_latents {
        let rows = format == .f32 ? UnsafeRawPointer(single.pointer) : UnsafeRawPointer(brain.pointer)
        return resa_latents(
            latents: latents, width: width, rows: rows, brain: format == .bf16, packed: UnsafeRawPointer(packed.pointer))
    }

    /// For each row of x [rows, width], less `centre` [width]: the k largest pre-activations above 0 in descending order, ties to the lower
    /// latent, into rows of k `indices` and `activations`; places left over are (0, 0). Scratch memory comes from `workspace`.
    package func select(
        _ x: MatrixView, centre: UnsafePointer<Float>?, k: Int, indices: UnsafeMutablePointer<Int32>,
        activations: UnsafeMutablePointer<Float>, pool: WorkerPool, workspace: Workspace
    ) {
        precondition(x.columns == width && k >= 0, "LatentEncoder: [\(x.rows), \(x.columns)], k \(k), for width \(width)")
        let most = Int(RESA_LATENT_ROWS)
        var start = 0
        while start < x.rows, k > 0 {
            let count = min(x.rows - start, most)
            select(
                portion: x.rows(start..<start + count), centre, k, indices + start * k, activations + start * k, pool: pool,
                workspace: workspace)
            start += count
        }
    }

    private func select(
        portion x: MatrixView, _ centre: UnsafePointer<Float>?, _ k: Int, _ indices: UnsafeMutablePointer<Int32>,
        _ activations: UnsafeMutablePointer<Float>, pool: WorkerPool, workspace: Workspace
    ) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let tasks = resa_latent_tasks(latents, pool.threads)
        var call = resa_latent_call(
            encoder: kernel, k: k, rows: x.rows, tasks: tasks, x: x.pointer, xStride: x.stride, centre: centre, indices: indices,
            activations: activations,
            scratch: UnsafeMutableRawPointer(workspace.allocate(UInt8.self, 64)).assumingMemoryBound(to: CChar.self))
        call.scratch = UnsafeMutableRawPointer(workspace.allocate(UInt8.self, resa_latent_scratch_bytes(&call)))
            .assumingMemoryBound(to: CChar.self)
        let kernels = pool.kernels
        withUnsafePointer(to: &call) { call in
            pool.forEachRow(x.rows, elements: 16 * width) { row in resa_latent_prepare(kernels, call, row) }
            pool.parallel(tasks) { task in resa_latent_scan(kernels, call, task) }
            pool.forEachRow(x.rows, elements: 256 * width) { row in _ = resa_latent_finish(kernels, call, row) }
        }
    }
}

extension RowOperations {
    /// y += sum_i factors[i] rows[indices[i]], in that order, leaving out factors of 0. `rows` are row-major [.., width], f32 or bf16.
    package static func addRows(
        _ rows: UnsafeRawPointer, format: FloatFormat, width: Int, indices: UnsafePointer<Int32>, factors: UnsafePointer<Float>, count: Int,
        to y: UnsafeMutablePointer<Float>, on tier: InstructionSet
    ) {
        resa_add_rows(tier.kernels, width, rows, format == .bf16, count, indices, factors, y)
    }
}
