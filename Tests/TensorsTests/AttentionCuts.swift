import Tensors
import TestRandomness
import Testing

extension AttentionShape {
    /// Stores and attends one token at a time, and in random steps of all sequences together; compares the rows at `positions`.
    func expectSameBitsHoweverCut(
        _ format: KVFormat, _ tier: InstructionSet, _ rule: ScoreRule = .plain, lengths: [Int], largestStep: Int,
        positions: (Int) -> Bool, _ random: inout SeededRandom
    ) {
        let pools = [1, 2, 4].map { WorkerPool(threads: $0, instructionSet: tier) }
        let inputs = lengths.map {
            (random.matrix($0, queryWidth), random.matrix($0, keyWidth), random.matrix($0, keyWidth))
        }
        let single = AttentionCache(layout(format), lengths: lengths, using: &random)
        var alone: [[Int: [Float]]] = lengths.map { _ in [:] }
        for (sequence, (q, k, v)) in inputs.enumerated() {
            for t in 0..<lengths[sequence] {
                let rows = single.rows(sequence, t..<t + 1)
                single.store(k.view.rows(t..<t + 1), v.view.rows(t..<t + 1), rows, pools[0])
                if positions(t) {
                    let pool = pools.randomElement(using: &random)!
                    alone[sequence][t] = single.attend(q.view.rows(t..<t + 1), rows, heads: heads, under: rule, pool)
                }
            }
        }

        let batched = AttentionCache(layout(format), lengths: lengths, using: &random)
        var done = lengths.map { _ in 0 }
        while done != lengths {
            let steps = done.indices.map { done[$0]..<min(lengths[$0], done[$0] + Int.random(in: 0...largestStep, using: &random)) }
            let count = steps.reduce(0) { $0 + $1.count }
            let (q, k, v) = (Matrix(count, queryWidth), Matrix(count, keyWidth), Matrix(count, keyWidth))
            var rows: [AttentionRow] = []
            for (sequence, step) in steps.enumerated() {
                let at = rows.count..<rows.count + step.count
                q.view.rows(at).copy(from: inputs[sequence].0.view.rows(step))
                k.view.rows(at).copy(from: inputs[sequence].1.view.rows(step))
                v.view.rows(at).copy(from: inputs[sequence].2.view.rows(step))
                rows += batched.rows(sequence, step)
            }
            let pool = pools.randomElement(using: &random)!
            batched.store(k.view, v.view, rows, pool)
            let got = batched.attend(q.view, rows, heads: heads, under: rule, pool)
            var row = 0
            for (sequence, step) in steps.enumerated() {
                for position in step {
                    if let wanted = alone[sequence][position] {
                        let result = Array(got[row * queryWidth..<(row + 1) * queryWidth])
                        expectSameBits(
                            result, wanted,
                            "\(self), \(rule.testDescription), position \(position), steps \(steps), \(pool.threads) threads")
                    }
                    row += 1
                }
            }
            done = steps.map(\.upperBound)
        }
    }
}
