import Kernels

extension PackedMatrix {
    package enum Update {
        /// y = x W^T (+ bias)
        case store
        /// y += scale * x W^T
        case add(scale: Float)
    }

    /// Multiplies x [M, inputs] into y [M, outputs], M from 0 to thousands. `bias` [outputs] counts only when storing. Then adds the low-rank
    /// updates of x that `segments` ask for. A row of y depends on its row of x and its updates alone, bit for bit.
    package func multiply(
        _ x: MatrixView, into y: MatrixView, _ update: Update = .store, bias: UnsafePointer<Float>? = nil,
        adding segments: LowRankSegments = .none, pool: WorkerPool, workspace: Workspace
    ) {
        precondition(
            x.columns == inputs && y.columns == outputs && x.rows == y.rows,
            "multiply: [\(x.rows), \(x.columns)] by [\(outputs), \(inputs)] into [\(y.rows), \(y.columns)]")
        if x.rows == 0 || outputs == 0 { return }
        if inputs == 0 { return multiplyNothing(into: y, update, bias: bias) }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        var codes: LowRankProduct.Codes?
        switch format {
        case .f32: multiplyBLAS(x, into: y, update, bias: bias, pool: pool, workspace: workspace)
        case .bf16: multiplyPanels(x, into: y, update, bias: bias, pool: pool, workspace: workspace)
        case .quantised(let format):
            let (kernels, kernel, columns) = (pool.kernels, format.kernel, inputs)
            codes = multiplyCodes(rows: x.rows, format: format, into: y, update, bias: bias, pool: pool, workspace: workspace) {
                row, codes in
                resa_quantise_row(kernels, kernel, columns, x.row(row), codes)
            }
        }
        if segments.isEmpty { return }
        LowRankProduct(segments: segments, source: .rows(x), codes: codes, y: y, pool: pool, workspace: workspace).add()
    }

    /// y = (activation(gate) * up) W^T (+ bias) and its low-rank updates, the bits that `RowOperations.activate` and `multiply` give. x
    /// [M, 2 inputs] holds gate in columns 0..<inputs and up after it; x [M, inputs] has no gate: y = activation(x) W^T. y [M, outputs].
    /// Quantised matrices take each row from one step to the next in cache.
    package func multiplyActivated(
        _ x: MatrixView, _ activation: Activation, into y: MatrixView, bias: UnsafePointer<Float>? = nil,
        adding segments: LowRankSegments = .none, pool: WorkerPool, workspace: Workspace
    ) {
        let input = ActivationInput(x, activation, width: inputs)
        precondition(y.columns == outputs && x.rows == y.rows)
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        guard case .quantised(let format) = format, x.rows > 0, outputs > 0, inputs > 0 else {
            let activated = workspace.matrix(x.rows, inputs)
            RowOperations.activate(x, activation, into: activated, pool: pool)
            return multiply(activated, into: y, bias: bias, adding: segments, pool: pool, workspace: workspace)
        }
        let (kernels, kernel, width) = (pool.kernels, format.kernel, inputs)
        let codes = multiplyCodes(rows: x.rows, format: format, into: y, .store, bias: bias, pool: pool, workspace: workspace) {
            row, codes in
            resa_activate_quantise_row(kernels, kernel, input.kernel, width, input.gate(row), input.up(row), codes)
        }
        if segments.isEmpty { return }
        LowRankProduct(segments: segments, source: .activated(input), codes: codes, y: y, pool: pool, workspace: workspace).add()
    }

    private func multiplyPanels(
        _ x: MatrixView, into y: MatrixView, _ update: Update, bias: UnsafePointer<Float>?, pool: WorkerPool, workspace: Workspace
    ) {
        let stride = resa_activation_stride(inputs)
        let rounded = workspace.allocate(UInt16.self, x.rows * stride)
        let columns = inputs
        pool.forEachRow(x.rows, elements: columns) { row in resa_round_row(columns, stride, x.row(row), rounded + row * stride) }

        var gemm = resa_gemm_bf16(
            outputs: outputs, inputs: inputs, rows: x.rows, packed: panels, x: rounded, xStride: stride, y: y.pointer, yStride: y.stride,
            bias: bias, add: false, scale: 1)
        if case .add(let scale) = update {
            gemm.add = true
            gemm.scale = scale
        }
        // How panels and rows are shared out changes no sum, so it may follow the thread count: long runs of panels stream best.
        let panelCount = (outputs + RESA_PANEL_COLUMNS - 1) / RESA_PANEL_COLUMNS
        let runLength = min(max(panelCount / (pool.threads * 8), 1), 8)
        let runs = (panelCount + runLength - 1) / runLength
        let rowBlock = RESA_GEMM_ROWS
        let rowBlocks = (x.rows + rowBlock - 1) / rowBlock
        let (rows, kernels) = (x.rows, pool.kernels)
        withUnsafePointer(to: &gemm) { gemm in
            pool.parallel(runs * rowBlocks) { task in
                let (block, run) = (task / runs, task % runs)
                resa_gemm_bf16_panels(
                    kernels, gemm, run * runLength, min((run + 1) * runLength, panelCount), rows * block / rowBlocks,
                    rows * (block + 1) / rowBlocks)
            }
        }
    }

    /// `quantise` writes a row's codes and scales. Returns all of them, in the workspace.
    private func multiplyCodes(
        rows: Int, format: QuantisedFormat, into y: MatrixView, _ update: Update, bias: UnsafePointer<Float>?, pool: WorkerPool,
        workspace: Workspace, quantise: (_ row: Int, _ codes: UnsafeMutableRawPointer) -> Void
    ) -> LowRankProduct.Codes {
        let kernel = format.kernel
        let rowBytes = resa_quant_row_bytes(kernel, inputs)
        let quantised = UnsafeMutableRawPointer(workspace.allocate(UInt8.self, rows * rowBytes))
        let kernels = pool.kernels
        pool.forEachRow(rows, elements: 2 * inputs) { row in quantise(row, quantised + row * rowBytes) }
        var gemm = resa_gemm_quant(
            format: kernel, outputs: outputs, inputs: inputs, rows: rows, factor: factor, packed: storage.pointer, x: quantised,
            y: y.pointer, yStride: y.stride, bias: bias, add: false, scale: 1)
        if case .add(let scale) = update {
            gemm.add = true
            gemm.scale = scale
        }
        let panelCount = (outputs + RESA_QUANT_PANEL_COLUMNS - 1) / RESA_QUANT_PANEL_COLUMNS
        let runLength = min(max(panelCount / (pool.threads * 8), 1), 16)
        let runs = (panelCount + runLength - 1) / runLength
        let rowBlock = RESA_QUANT_GEMM_ROWS
        let rowBlocks = (rows + rowBlock - 1) / rowBlock
        withUnsafePointer(to: &gemm) { gemm in
            pool.parallel(runs * rowBlocks) { task in
                let (block, run) = (task / runs, task % runs)
                resa_gemm_quant_panels(
                    kernels, gemm, run * runLength, min((run + 1) * runLength, panelCount), rows * block / rowBlocks,
                    rows * (block + 1) / rowBlocks)
            }
        }
        return LowRankProduct.Codes(pointer: UnsafeRawPointer(quantised), format: kernel)
    }

    /// The sum over no inputs is zero.
    private func multiplyNothing(into y: MatrixView, _ update: Update, bias: UnsafePointer<Float>?) {
        guard case .store = update else { return }
        for row in 0..<y.rows { for output in 0..<outputs { y[row, output] = bias?[output] ?? 0 } }
    }

    private func multiplyBLAS(
        _ x: MatrixView, into y: MatrixView, _ update: Update, bias: UnsafePointer<Float>?, pool: WorkerPool, workspace: Workspace
    ) {
        let (tileRows, blockColumns) = (RESA_BLAS_ROWS, RESA_BLAS_COLUMNS)
        let tiles = (x.rows + tileRows - 1) / tileRows
        let columnBlocks = (outputs + blockColumns - 1) / blockColumns
        // The padded copy gives every call the same shape and stride.
        let padded = workspace.matrix(tiles * tileRows, inputs)
        padded.rows(0..<x.rows).copy(from: x)
        padded.rows(x.rows..<padded.rows).fill(0)
        let tileSize = tileRows * blockColumns
        let scratch = workspace.allocate(Float.self, columnBlocks * (tileSize + blockColumns))
        let (kernels, weights, inputs, outputs) = (pool.kernels, floats, inputs, outputs)
        pool.parallel(columnBlocks) { block in
            let column = block * blockColumns
            let count = min(blockColumns, outputs - column)
            let sums = scratch + block * (tileSize + blockColumns)
            let sum = sums + tileSize
            for tile in 0..<tiles {
                resa_blas_tile(count, inputs, padded.row(tile * tileRows), padded.stride, weights + column * inputs, sums)
                for row in tile * tileRows..<min((tile + 1) * tileRows, x.rows) {
                    resa_blas_row(count, sums, row - tile * tileRows, sum)
                    switch update {
                    case .store: kernels.pointee.store_row(count, sum, bias.map { $0 + column }, y.row(row) + column)
                    case .add(let scale): kernels.pointee.axpy(count, scale, sum, y.row(row) + column)
                    }
                }
            }
        }
    }
}
