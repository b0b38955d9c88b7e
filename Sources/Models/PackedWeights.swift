import Checkpoints
import Tensors

/// All matrices of a model, packed in one region.
struct PackedWeights {
    private let region: MemoryRegion
    private let sections: [String: WeightPlan.Section]
    private let factors: [String: Float]

    /// Takes them from the cache when it has them, else packs them and has the cache keep them.
    ///
    /// - Parameter progress: hears the fraction done, on the calling thread.
    /// - Throws: `CheckpointError` when a tensor cannot be read. Trouble with the cache is reported, never thrown.
    init(
        plan: WeightPlan, weights: WeightReader, cache: PackedCache?, pool: WorkerPool, progress: (Double) -> Void
    ) throws {
        sections = Dictionary(uniqueKeysWithValues: plan.sections.map { ($0.name, $0) })
        guard let cache else {
            region = MemoryRegion(byteCount: Self.regionBytes(plan))
            factors = try Self.pack(plan, weights, region, writer: nil, pool: pool, progress: progress)
            return
        }
        let key = Self.key(plan, cache.digest(of: weights.files, pool: pool) { progress($0 * 0.1) }, pool: pool)
        func kept() -> (MemoryRegion, [String: Float])? {
            guard
                let content = cache.open(key: key, byteCount: plan.byteCount, pool: pool, progress: progress),
                let factors = Self.factors(note: content.note, plan)
            else { return nil }
            return (content.region, factors)
        }
        if let kept = kept() {
            (region, factors) = kept
            return
        }
        let lock = cache.lock(key: key)
        if lock?.hadToWait == true, let kept = kept() {
            (region, factors) = kept
            return
        }
        region = MemoryRegion(byteCount: Self.regionBytes(plan))
        let writer = cache.writer(key: key, region: region, dataBytes: plan.byteCount)
        factors = try Self.pack(plan, weights, region, writer: writer, report: cache.report, pool: pool, progress: progress)
        if let writer { cache.finish(writer, key: key, note: Self.note(factors, plan), pool: pool) }
        withExtendedLifetime(lock) {}
    }
}
