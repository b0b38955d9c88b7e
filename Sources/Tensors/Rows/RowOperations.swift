import Kernels

/// How rotary position embedding pairs the elements of a head.
package enum RotaryLayout: Sendable {
    /// Element i with element i + half of those that are rotated (Hugging Face checkpoints).
    case half
    /// Element 2i with element 2i + 1.
    case interleaved
}

/// Operations on rows. Each row is computed by the same instructions whatever its neighbours, the number of rows and the thread.
package enum RowOperations {
    /// out = x / sqrt(mean(x^2) + epsilon) * weight, per row. x and out [M, columns] may be the same; weight [columns].
    package static func rmsNorm(
        _ x: MatrixView, weight: UnsafePointer<Float>, epsilon: Float, into out: MatrixView, pool: WorkerPool
    ) {
        precondition(x.rows == out.rows && x.columns == out.columns)
        let kernels = pool.kernels
        pool.forEachRow(x.rows, elements: x.columns) { row in
            kernels.pointee.rms_norm(x.columns, x.row(row), weight, epsilon, out.row(row))
        }
    }

    /// y += x, both [M, columns].
    package static func add(_ x: MatrixView, to y: MatrixView, pool: WorkerPool) {
        precondition(x.rows == y.rows && x.columns == y.columns)
        let kernels = pool.kernels
        pool.forEachRow(x.rows, elements: x.columns) { row in kernels.pointee.add(x.columns, x.row(row), y.row(row)) }
    }

    /// out = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight (+ bias), per row, with the biased variance. x and out [M, columns] may be
    /// the same; weight and bias [columns].
    package static func layerNorm(
        _ x: MatrixView, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?, epsilon: Float, into out: MatrixView, pool: WorkerPool
    ) {
        precondition(x.rows == out.rows && x.columns == out.columns)
        let kernels = pool.kernels
        pool.forEachRow(x.rows, elements: x.columns) { row in
            kernels.pointee.layer_norm(x.columns, x.row(row), weight, bias, epsilon, out.row(row))
        }
    }

    /// x *= factor; x [M, columns].
    package static func scale(_ x: MatrixView, by factor: Float, pool: WorkerPool) {
        let kernels = pool.kernels
        pool.forEachRow(x.rows, elements: x.columns) { row in kernels.pointee.scale(x.columns, factor, x.row(row)) }
    }

    /// x = cap * tanh(x / cap), cap > 0: elements keep their order and stay within -cap...cap. x [M, columns].
    package static func cap(_ x: MatrixView, at cap: Float, pool: WorkerPool) {
        precondition(cap > 0, "cap: \(cap) is not above 0")
        let kernels = pool.kernels
        pool.forEachRow(x.rows, elements: 4 * x.columns) { row in kernels.pointee.cap(x.columns, cap, x.row(row)) }
    }

    /// out = activation(gate) * up where x [M, 2F] holds gate in columns 0..<F and up after it; activation(x) where x is [M, F]. out [M, F].
    package static func activate(_ x: MatrixView, _ activation: Activation, into out: MatrixView, pool: WorkerPool) {
        let (kernels, width) = (pool.kernels, out.columns)
        let input = ActivationInput(x, activation, width: width)
        precondition(x.rows == out.rows)
        pool.forEachRow(out.rows, elements: 4 * width) { row in
            kernels.pointee.activate(input.kernel, width, input.gate(row), input.up(row), out.row(row))
        }
    }

    /// Cosines (columns 0..<half) and sines (half..<2 half) of position * inverseFrequencies, times `scale` (an attention factor, usually 1).
    /// The angle is rounded to f32 before the cosine is taken, as `transformers` does. cosSin [count, 2 half]; inverseFrequencies [half].
    package static func rotaryTable(
        positions: UnsafePointer<Int32>, count: Int, inverseFrequencies: UnsafePointer<Float>, half: Int, scale: Float = 1,
        into cosSin: MatrixView, pool: WorkerPool
    ) {
        precondition(cosSin.rows == count && cosSin.columns == 2 * half)
        pool.forEachRow(count, elements: 32 * half) { row in
            resa_rotary_row(half, positions[row], inverseFrequencies, scale, cosSin.row(row), cosSin.row(row) + half)
        }
    }

    /// Rotates the first elements of each head of x [M, heads * headDim] in place, as many as cosSin [M, rotated] has columns, by its row of it.
    package static func rotate(
        _ x: MatrixView, heads: Int, headDim: Int, cosSin: MatrixView, layout: RotaryLayout = .half, pool: WorkerPool
    ) {
        precondition(x.columns == heads * headDim && cosSin.columns <= headDim && cosSin.rows == x.rows)
        let (kernels, half) = (pool.kernels, cosSin.columns / 2)
        pool.forEachRow(x.rows, elements: x.columns) { row in
            let (cosine, sine) = (cosSin.row(row), cosSin.row(row) + half)
            for head in 0..<heads {
                switch layout {
                case .half: kernels.pointee.rotate_half(half, cosine, sine, x.row(row) + head * headDim)
                case .interleaved: kernels.pointee.rotate_interleaved(half, cosine, sine, x.row(row) + head * headDim)
                }
            }
        }
    }
}

extension WorkerPool {
    /// Runs `body` for every row, on the pool when the rows hold enough elements to pay for waking it.
    package func forEachRow(_ rows: Int, elements: Int, _ body: (_ row: Int) -> Void) {
        let worthwhile = 32 * 1024
        if rows < 2 || threads == 1 || rows * elements < worthwhile {
            for row in 0..<rows { body(row) }
            return
        }
        let tasks = min(rows, threads * 4)
        parallel(tasks) { task in
            for row in rows * task / tasks..<rows * (task + 1) / tasks { body(row) }
        }
    }
}
