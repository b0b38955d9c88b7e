import Kernels

/// Backward passes of row operations, and the losses of single rows of logits.
extension RowOperations {
    /// dx += the gradient of `rmsNorm` by x [M, columns] for the gradient dy of its result. Overwrites dy.
    package static func rmsNormBackward(
        _ x: MatrixView, weight: UnsafePointer<Float>, epsilon: Float, _ dy: MatrixView, addingTo dx: MatrixView, pool: WorkerPool
    ) {
        let kernels = pool.kernels
        pool.rows(x.rows) { row in
            resa_rms_norm_backward(kernels, x.columns, x.row(row), weight, epsilon, dy.row(row), dx.row(row))
        }
    }

    /// dGate and dUp [M, F] of `activate` with SiLU of gateUp [M, 2F] for the gradient dy [M, F] of its result.
    package static func swiGLUBackward(_ gateUp: MatrixView, _ dy: MatrixView, dGate: MatrixView, dUp: MatrixView, pool: WorkerPool) {
        let (kernels, width) = (pool.kernels, dy.columns)
        pool.rows(dy.rows) { row in
            let gate = gateUp.row(row)
            resa_swiglu_backward(kernels, width, gate, gate + width, dy.row(row), dGate.row(row), dUp.row(row))
        }
    }

    /// y [M, columns] = x with each element kept with probability 1 - `rate` and then divided by it, else 0. Which are kept follows from `key`
    /// and the element's place alone.
    package static func dropout(_ x: MatrixView, key: UInt64, rate: Float, into y: MatrixView, pool: WorkerPool) {
        pool.rows(x.rows) { row in
            resa_dropout_row(x.columns, key, UInt64(row * x.columns), rate, x.row(row), y.row(row))
        }
    }

    /// KL(teacher || student), or KL(student || teacher) when `isReverse`, of the distributions that two rows of `count` logits stand for.
    /// `student` becomes its gradient by the student's logits times `weight`. `scratch` holds `count` floats.
    package static func divergence(
        of student: UnsafeMutablePointer<Float>, from teacher: UnsafePointer<Float>, count: Int, isReverse: Bool, weight: Float,
        scratch: UnsafeMutablePointer<Float>, on tier: InstructionSet
    ) -> Double {
        resa_divergence_row(tier.kernels, count, teacher, student, isReverse, weight, scratch)
    }

    /// -log softmax(logits)[label]; `logits` becomes its gradient times `weight`.
    package static func crossEntropy(
        of logits: UnsafeMutablePointer<Float>, label: Int, count: Int, weight: Float, on tier: InstructionSet
    ) -> Double {
        resa_cross_entropy_row(tier.kernels, count, logits, label, weight)
    }
}
