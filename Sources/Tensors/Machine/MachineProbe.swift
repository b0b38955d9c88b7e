import Kernels

/// Measures what the machine can do now, with the pool's threads: the roof that speeds are compared with. Takes about a second in all.
package struct MachineProbe: Sendable {
    /// Sequential reads from memory, all threads, bytes per second / 1e9.
    package let readGigabytesPerSecond: Double
    /// f32 multiply-adds, all threads, counted as two operations, per second / 1e9.
    package let f32GigaflopsPerSecond: Double
    /// bf16 dot products with f32 sums, all threads, per second / 1e9. On tiers without such an instruction: what emulating it gives.
    package let bf16GigaflopsPerSecond: Double
    /// int8 dot products with int32 sums, all threads, a multiply-add counted as two, per second / 1e9. Emulated where there is no instruction.
    package let int8GigaopsPerSecond: Double

    package static func measure(pool: WorkerPool) -> MachineProbe {
        MachineProbe(
            readGigabytesPerSecond: readBandwidth(pool: pool),
            f32GigaflopsPerSecond: dotProductRate(.f32, pool: pool),
            bf16GigaflopsPerSecond: dotProductRate(.bf16, pool: pool),
            int8GigaopsPerSecond: dotProductRate(.int8, pool: pool))
    }

    /// The peak rate of the instruction that multiplies weights of `format`, in operations per second / 1e9.
    package static func dotProductRate(_ format: WeightFormat, pool: WorkerPool) -> Double {
        switch format {
        case .f32: rate(pool, pool.kernels.pointee.probe_f32)
        case .bf16: rate(pool, pool.kernels.pointee.probe_bf16)
        case .int8, .int4: rate(pool, pool.kernels.pointee.probe_int8)
        }
    }

    /// OpenBLAS's name for the processor it chose its kernels for.
    package static var blasCore: String { String(cString: resa_blas_core()) }
    package static var memoryTotal: Int { Int(resa_memory_total()) }
    /// Memory that can be used now without swapping.
    package static var memoryAvailable: Int { Int(resa_memory_available()) }
    /// Processors this process may run on: the natural number of threads.
    package static var processors: Int { max(1, resa_processor_count()) }

    /// Sequential reads in bytes per second / 1e9: the best of several passes over a buffer far larger than the last cache.
    package static func readBandwidth(pool: WorkerPool) -> Double {
        let chunk = 1 << 20
        let wanted = min(max(8 * Int(resa_last_cache_bytes()), 256 << 20), 1 << 30, max(memoryAvailable / 4, 64 << 20))
        let chunks = wanted / chunk
        let buffer = AlignedBuffer<UInt8>(count: chunks * chunk)
        let base = buffer.pointer
        pool.parallel(chunks) { task in resa_fill_bytes(base + task * chunk, chunk, UInt8(truncatingIfNeeded: task)) }
        let read = pool.kernels.pointee.probe_read
        var best = 0.0
        for _ in 0..<5 {
            let start = resa_seconds()
            pool.parallel(chunks) { task in
                let digest = read(base + task * chunk, chunk)
                // Never true (an even number of equal words), but the compiler cannot know.
                if digest == 1 { base[task * chunk] = 0 }
            }
            best = max(best, Double(chunks * chunk) / (resa_seconds() - start) / 1e9)
        }
        return best
    }

    /// The best rate of several runs of some milliseconds on every thread.
    private static func rate(_ pool: WorkerPool, _ probe: @convention(c) (Int) -> Double) -> Double {
        var rounds = 1000
        var best = 0.0
        var run = 0
        while run < 6 {
            let start = resa_seconds()
            let operations = AlignedBuffer<Double>(count: pool.threads)
            let base = operations.pointer
            pool.parallel(pool.threads) { task in base[task] = probe(rounds) }
            let seconds = resa_seconds() - start
            if seconds < 0.02 {
                rounds *= 2
                continue
            }
            best = max(best, operations.buffer.reduce(0, +) / seconds / 1e9)
            run += 1
        }
        return best
    }
}
