import Kernels

/// Adds the low-rank updates of all segments of a product, in two rounds of tasks: A x for every segment and update, then B (A x), shared
/// out by segments and runs of columns. See `resa_lora.h`.
struct LowRankProduct {
    /// Where the rows of x come from.
    enum Source {
        /// `[rows, inputs]`
        case rows(MatrixView)
        /// What an activation is applied to.
        case activated(ActivationInput)
    }

    /// Rows that a product with a quantised matrix has made already.
    struct Codes {
        let pointer: UnsafeRawPointer
        let format: resa_quant_format
    }

    /// The forms in which factors A take x.
    private struct Forms: OptionSet {
        let rawValue: UInt8
        static let single = Forms(rawValue: 1), brain = Forms(rawValue: 2), codes = Forms(rawValue: 4)
    }

    /// Consecutive jobs of the same rows and columns.
    private struct Target: BitwiseCopyable {
        let firstJob: Int
        let jobs: Int
        let outputs: Int
    }

    /// Runs of columns that one task takes, at least: long runs stream best, and how they are shared out changes no sum.
    private static let runColumns = 512

    let segments: LowRankSegments
    let source: Source
    let codes: Codes?
    let y: MatrixView
    let pool: WorkerPool
    let workspace: Workspace

    func add() {
        var (jobCount, targetCount, widest, needs) = (0, 0, 0, Forms())
        for segment in segments {
            targetCount += segment.blocks
            jobCount += segment.blocks * segment.count
            widest = max(widest, segment.updates.pointee.outputs)
            needs.formUnion(forms(of: segment))
            precondition(segment.count > 0 && segment.firstRow >= 0 && segment.firstRow + segment.rows <= y.rows)
        }
        if jobCount == 0 { return }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let rows = convert(needs)

        let jobs = workspace.allocate(resa_lora_job.self, jobCount)
        let targets = workspace.allocate(Target.self, targetCount)
        var (job, target) = (0, 0)
        for segment in segments {
            for block in 0..<segment.blocks {
                let first = segment.firstRow + segment.rows * block / segment.blocks
                let count = segment.firstRow + segment.rows * (block + 1) / segment.blocks - first
                targets[target] = Target(firstJob: job, jobs: segment.count, outputs: segment.updates.pointee.outputs)
                target += 1
                for index in 0..<segment.count {
                    jobs[job] = self.job(segment.updates + index, firstRow: first, count, column: segment.column, rows)
                    job += 1
                }
            }
        }
        let kernels = pool.kernels
        pool.parallel(jobCount) { resa_lora_reduce(kernels, jobs + $0) }
        let step = Int(RESA_LORA_COLUMNS)
        let parts = min((8 * pool.threads + targetCount - 1) / targetCount, (widest + Self.runColumns - 1) / Self.runColumns)
        pool.parallel(targetCount * parts) { task in
            let (target, part) = (targets[task / parts], task % parts)
            let units = (target.outputs + step - 1) / step
            let (first, end) = (units * part / parts * step, min(units * (part + 1) / parts * step, target.outputs))
            if first >= end { return }
            for job in target.firstJob..<target.firstJob + target.jobs { resa_lora_expand(kernels, jobs + job, first, end) }
        }
    }

    private func job(
        _ update: UnsafePointer<LowRankUpdate>, firstRow: Int, _ count: Int, column: Int, _ rows: ConvertedRows
    ) -> resa_lora_job {
        let kernel = UnsafeRawPointer(update).assumingMemoryBound(to: resa_lora.self)
        precondition(column + update.pointee.outputs <= y.columns && update.pointee.inputs == inputs)
        let (start, stride) = rows.place(of: update.pointee.kernel.a)
        let scratch = workspace.allocate(CChar.self, resa_lora_scratch_bytes(kernel, count))
        return resa_lora_job(
            update: kernel, rows: count, x: start + firstRow * stride, xStride: stride, y: y.row(firstRow) + column, yStride: y.stride,
            scratch: scratch)
    }

    // MARK: Forms of x

    private var inputs: Int {
        switch source {
        case .rows(let x): x.columns
        case .activated(let x): x.width
        }
    }

    private func forms(of segment: LowRankSegment) -> Forms {
        var forms = Forms()
        for index in 0..<segment.count {
            let a = segment.updates[index].kernel.a
            switch a.kind {
            case RESA_LORA_F32: forms.insert(.single)
            case RESA_LORA_BF16: forms.insert(.brain)
            default: if !isShared(a.format) { forms.insert(.codes) }
            }
        }
        return forms
    }

    /// Whether the rows that are there serve weights of `format`.
    private func isShared(_ format: resa_quant_format) -> Bool {
        codes.map { $0.format.group == format.group && $0.format.rotated == format.rotated } ?? false
    }

    /// All rows in the forms that are needed; where no segment lies they are left undefined.
    private struct ConvertedRows {
        var single: (UnsafeRawPointer, Int)?
        var brain: (UnsafeRawPointer, Int)?
        var codes: (UnsafeRawPointer, Int)?
        var shared: (UnsafeRawPointer, Int)?
        var ownFormat: resa_quant_format?

        /// The first row in the form that a factor takes, and the bytes between rows.
        func place(of factor: resa_lora_factor) -> (UnsafeRawPointer, Int) {
            let found =
                switch factor.kind {
                case RESA_LORA_F32: single
                case RESA_LORA_BF16: brain
                default: isOwn(factor.format) ? codes : shared
                }
            guard let found else { fatalError("LowRankProduct: rows were not converted") }
            return found
        }

        private func isOwn(_ format: resa_quant_format) -> Bool {
            ownFormat.map { $0.group == format.group && $0.rotated == format.rotated } ?? false
        }
    }

    private func convert(_ needs: Forms) -> ConvertedRows {
        var result = ConvertedRows()
        if let shared = codes { result.shared = (shared.pointer, resa_quant_row_bytes(shared.format, inputs)) }
        if needs.isEmpty { return result }
        let taken = workspace.allocate(Bool.self, y.rows)
        taken.update(repeating: false, count: y.rows)
        for segment in segments {
            if forms(of: segment).isEmpty { continue }
            for row in segment.firstRow..<segment.firstRow + segment.rows { taken[row] = true }
        }
        let (kernels, width) = (pool.kernels, inputs)
        let x: MatrixView
        switch source {
        case .rows(let given): x = given
        case .activated: x = workspace.matrix(y.rows, width)
        }
        result.single = (UnsafeRawPointer(x.pointer), x.stride * 4)
        let stride = resa_activation_stride(width)
        let brain = needs.contains(.brain) ? workspace.allocate(UInt16.self, y.rows * stride) : nil
        if let brain { result.brain = (UnsafeRawPointer(brain), stride * 2) }
        let format = needs.contains(.codes) ? ownFormat() : nil
        let rowBytes = format.map { resa_quant_row_bytes($0, width) } ?? 0
        let own = format.map { _ in UnsafeMutableRawPointer(workspace.allocate(UInt8.self, y.rows * rowBytes)) }
        if let own { result.codes = (UnsafeRawPointer(own), rowBytes) }
        result.ownFormat = format
        pool.forEachRow(y.rows, elements: 2 * width) { row in
            if !taken[row] { return }
            if case .activated(let input) = source {
                kernels.pointee.activate(input.kernel, width, input.gate(row), input.up(row), x.row(row))
            }
            if let brain { resa_round_row(width, stride, x.row(row), brain + row * stride) }
            if let own, let format { resa_quantise_row(kernels, format, width, x.row(row), own + row * rowBytes) }
        }
        return result
    }

    /// The one format of those factors A that are quantised and cannot share.
    private func ownFormat() -> resa_quant_format? {
        var found: resa_quant_format?
        for segment in segments {
            for index in 0..<segment.count {
                let a = segment.updates[index].kernel.a
                if a.kind != RESA_LORA_QUANTISED || isShared(a.format) { continue }
                precondition(found.map { $0.group == a.format.group && $0.rotated == a.format.rotated } ?? true, "two formats of x at once")
                found = a.format
            }
        }
        return found
    }
}

extension LowRankSegments {
    /// Adds the updates of x `[rows, inputs]` to y `[rows, ..]`: what `PackedMatrix.multiply` does after its product.
    package func add(of x: MatrixView, to y: MatrixView, pool: WorkerPool, workspace: Workspace) {
        precondition(x.rows == y.rows)
        LowRankProduct(segments: self, source: .rows(x), codes: nil, y: y, pool: pool, workspace: workspace).add()
    }
}
