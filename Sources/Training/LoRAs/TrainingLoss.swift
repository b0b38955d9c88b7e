import Models
import Synchronization
import Tensors

/// What the student's next-token distributions are compared with.
package enum TrainingObjective: Sendable, Equatable {
    /// KL(base || student): the student must give weight wherever the base does.
    case forwardKL
    /// KL(student || base).
    case reverseKL
    /// Cross-entropy with the tokens that follow, without an SAE.
    case crossEntropy

    package var needsTeacher: Bool { self != .crossEntropy }
}

/// How the losses of single positions make the loss of a step.
package enum LossReduction: String, Sendable, CaseIterable {
    /// Over the positions of a chunk (`batchmean` with a batch of one), then averaged over the chunks of a step.
    case sum
    /// Over the positions too.
    case mean
}

/// The loss and its gradient by the states before the head, computed for some positions at a time: logits of all positions never exist at
/// once, and positions that do not count cost nothing.
struct TrainingLoss {
    let objective: TrainingObjective
    let head: FrozenMatrix
    /// Positions whose logits are in memory at once, for teacher and student.
    let portion: Int

    init(objective: TrainingObjective, head: FrozenMatrix) {
        self.objective = objective
        self.head = head
        portion = Self.portion(vocabulary: head.outputs)
    }

    /// At most 256 MiB of logits each; below that, one block of rows, enough to pay for packing the head.
    private static func portion(vocabulary: Int) -> Int { min(FrozenRows.blockRows, max(32, (64 << 20) / vocabulary)) }

    /// Bytes of scratch memory.
    static func byteCount(vocabulary: Int, hidden: Int) -> Int { 4 * portion(vocabulary: vocabulary) * (2 * vocabulary + 3 * hidden) }

    /// - Parameters:
    ///   - student, teacher: [T, hidden] after the final norm.
    ///   - positions: which rows count, ascending; `labels` holds the token that follows each, for cross-entropy.
    ///   - weight: what the sum over positions is multiplied with.
    ///   - gradient: [T, hidden], written.
    /// - Returns: the weighted sum.
    func run(
        student: MatrixView, teacher: MatrixView?, positions: [Int], labels: [Int32], weight: Double, gradient: MatrixView,
        pool: WorkerPool,
        workspace: Workspace
    ) -> Double {
        gradient.fill(0)
        var total = 0.0
        var start = 0
        while start < positions.count {
            let end = min(start + portion, positions.count)
            total += run(
                student, teacher, Array(positions[start..<end]), Array(labels[start..<end]), Float(weight), gradient, pool, workspace)
            start = end
        }
        return total * weight
    }

    private func run(
        _ student: MatrixView, _ teacher: MatrixView?, _ positions: [Int], _ labels: [Int32], _ weight: Float, _ gradient: MatrixView,
        _ pool: WorkerPool, _ workspace: Workspace
    ) -> Double {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let (count, width) = (positions.count, head.outputs)
        let logits = self.logits(student, positions, pool, workspace)
        let reference = teacher.map { self.logits($0, positions, pool, workspace) }
        let losses = workspace.allocate(Double.self, count)
        let tier = pool.instructionSet
        if let reference {
            let isReverse = objective == .reverseKL
            let scratch = workspace.matrix(isReverse ? pool.threads : 1, width)
            pool.parallelLanes(count) { row, lane in
                losses[row] = RowOperations.divergence(
                    of: logits.row(row), from: reference.row(row), count: width, isReverse: isReverse, weight: weight,
                    scratch: scratch.row(isReverse ? lane : 0), on: tier)
            }
        } else {
            pool.parallelLanes(count) { row, _ in
                losses[row] = RowOperations.crossEntropy(
                    of: logits.row(row), label: Int(labels[row]), count: width, weight: weight, on: tier)
            }
        }
        let slopes = workspace.matrix(count, head.inputs)
        head.multiplyTransposed(logits, into: slopes, pool: pool, workspace: workspace)
        for (row, position) in positions.enumerated() { gradient.row(position).update(from: slopes.row(row), count: head.inputs) }
        return (0..<count).reduce(0) { $0 + losses[$1] }
    }

    private func logits(_ states: MatrixView, _ positions: [Int], _ pool: WorkerPool, _ workspace: Workspace) -> MatrixView {
        let gathered = workspace.matrix(positions.count, head.inputs)
        for (row, position) in positions.enumerated() { gathered.row(row).update(from: states.row(position), count: head.inputs) }
        let logits = workspace.matrix(positions.count, head.outputs)
        head.multiply(gathered, into: logits, pool: pool, workspace: workspace)
        return logits
    }
}
