import Checkpoints
import Tensors

/// All matrices of a model, packed in one region.
package struct PackedWeights {
    package let region: MemoryRegion
    private let sections: [String: WeightPlan.Section]
    private let factors: [String: Float]

    /// Takes them from the cache when it has them, else packs them and has the cache keep them.
    ///
    /// - Parameter progress: hears the fraction done, on the calling thread.
    /// - Throws: `CheckpointError` when a tensor cannot be read. Trouble with the cache is reported, never thrown.
    package init(
        plan: WeightPlan, weights: WeightReader, cache: PackedCache?, pool: WorkerPool, progress: (Double) -> Void
    ) throws {
        sections = Dictionary(uniqueKeysWithValues: plan.sections.map { ($0.name, $0) })
        guard let cache else {
            region = MemoryRegion(byteCount: Self.regionBytes(plan))
            factors = try Self.pack(plan, weights, region, writer: nil, pool: pool, progress: progress).factors
            return
        }
        cache.removeUnfinished()
        // The digest has to be computed only when the checkpoint is new or changed.
        let digestShare = 0.1
        var shown = 0.0
        func advance(to fraction: Double) {
            shown = max(shown, fraction)
            progress(shown)
        }
        let digest = try cache.digest(of: weights.files, pool: pool) { advance(to: $0 * digestShare) }
        let key = Self.key(plan, digest, pool: pool)
        func kept() -> (MemoryRegion, [String: Float])? {
            let content = cache.open(key: key, byteCount: plan.byteCount, pool: pool) { advance(to: digestShare + $0 * (1 - digestShare)) }
            guard let content, let factors = Self.factors(note: content.note, plan) else { return nil }
            return (content.region, factors)
        }
        if let kept = kept() {
            (region, factors) = kept
            return
        }
        let lock = cache.lock(key: key)
        defer { withExtendedLifetime(lock) {} }
        if lock?.hadToWait == true, let kept = kept() {
            (region, factors) = kept
            return
        }
        region = MemoryRegion(byteCount: Self.regionBytes(plan))
        let writer = cache.writer(key: key, region: region, dataBytes: plan.byteCount)
        let packed = try Self.pack(plan, weights, region, writer: writer, report: cache.report, pool: pool) {
            advance(to: digestShare + $0 * (1 - digestShare))
        }
        factors = packed.factors
        // Under the digest of a file that was being written nothing may be kept.
        try weights.refuseChanged()
        if let writer, packed.isWritten { cache.finish(writer, key: key, note: Self.note(factors, plan), pool: pool) }
    }
}

extension PackedWeights {
    /// The matrix of that name, sharing the region.
    package func matrix(_ name: String) -> PackedMatrix {
        guard let section = sections[name], case .matrix(let format) = section.layout else {
            preconditionFailure("no matrix \(name) in the plan")
        }
        return PackedMatrix(
            format: format, outputs: section.outputs, inputs: section.inputs, factor: factors[name] ?? 1,
            storage: WeightStorage(region: region, range: section.range))
    }

    /// The table of that name, or nil when the plan has none.
    package func table(_ name: String) -> ElementTable? {
        guard let section = sections[name], case .table(let type) = section.layout else { return nil }
        return ElementTable(
            type: type, rows: section.outputs, columns: section.inputs, storage: WeightStorage(region: region, range: section.range))
    }

    private static func pack(
        _ plan: WeightPlan, _ weights: WeightReader, _ region: MemoryRegion, writer: PackedFileWriter?,
        report: (PackedCache.Event) -> Void = { _ in }, pool: WorkerPool, progress: (Double) -> Void
    ) throws -> (factors: [String: Float], isWritten: Bool) {
        let packer = WeightPacker(weights: weights, plan: plan, region: region, pool: pool)
        var factors: [String: Float] = [:]
        var done = 0
        var isWritten = writer != nil
        for section in plan.sections {
            factors[section.name] = try packer.pack(section)
            if let writer, isWritten {
                do throws(PackedFileWriter.Failure) {
                    try writer.write(section.range)
                } catch {
                    report(.notStored(reason: "\(error)"))
                    isWritten = false
                }
            }
            done += section.range.count
            progress(Double(done) / Double(max(plan.byteCount, 1)))
        }
        return (factors, isWritten)
    }

    /// Whole pages, as the file has them.
    private static func regionBytes(_ plan: WeightPlan) -> Int { (plan.byteCount + 4095) / 4096 * 4096 }

    /// Names the packed bytes: what is packed, how, and with which code.
    private static func key(_ plan: WeightPlan, _ digest: ContentDigest, pool: WorkerPool) -> String {
        let text = "\(digest)\n\(plan.description)\n\(PackingFingerprint.of(plan, pool: pool))"
        return "\(plan.format.rawValue)-\(ContentDigest(text: text).description.prefix(40))"
    }

    /// The factors travel in the file's note, as bit patterns in the plan's order.
    private static func note(_ factors: [String: Float], _ plan: WeightPlan) -> String {
        plan.sections.map { String(factors[$0.name, default: 1].bitPattern, radix: 16) }.joined(separator: " ")
    }

    private static func factors(note: String, _ plan: WeightPlan) -> [String: Float]? {
        let patterns = note.split(separator: " ").map { UInt32($0, radix: 16) }
        guard patterns.count == plan.sections.count else { return nil }
        var factors: [String: Float] = [:]
        for (section, pattern) in zip(plan.sections, patterns) {
            guard let pattern else { return nil }
            factors[section.name] = Float(bitPattern: pattern)
        }
        return factors
    }
}
