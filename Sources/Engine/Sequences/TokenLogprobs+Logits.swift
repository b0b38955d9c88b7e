import Tensors

extension TokenLogprobs {
    /// Log-probability of `token` under unmodified `logits` `[vocabulary]`, its rank, and the `top` most likely tokens.
    init(_ token: Int32, logits: UnsafePointer<Float>, count: Int, top: Int, on tier: InstructionSet, workspace: Workspace) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let reference = RowOperations.logSumExp(logits, count: count, on: tier)
        // A prompt may hold ids that no answer can.
        let own = Int(token) < count ? logits[Int(token)] : -.infinity
        var rank = 1
        for index in 0..<count where logits[index] > own { rank += 1 }
        var alternatives: [Alternative] = []
        if top > 0 {
            let indices = workspace.allocate(Int32.self, top)
            let values = workspace.allocate(Float.self, top)
            let found = RowOperations.topK(logits, count: count, k: min(top, count), into: indices, values: values, on: tier)
            alternatives = (0..<found).filter { values[$0] > -.infinity }.map {
                Alternative(id: indices[$0], logprob: values[$0] - reference)
            }
        }
        self.init(id: token, logprob: own - reference, rank: rank, top: alternatives)
    }
}
