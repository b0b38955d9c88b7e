import Foundation
import Tensors

/// Chooses tokens for one sequence and remembers what its penalties need. Everything depends only on the sequence's own
/// logits, parameters and step, never on the batch.
struct Sampler {
    private let parameters: SamplingParameters
    private let random: RandomSource
    private let promptTokens: Set<Int32>
    private var generated: [Int32: Int32] = [:]

    init(_ parameters: SamplingParameters, seed: UInt64, choice: Int, prompt: [Int32]) {
        self.parameters = parameters
        random = RandomSource(seed: seed, choice: choice)
        promptTokens = parameters.repetitionPenalty == 1 ? [] : Set(prompt)
    }

    /// Picks the token of `step`. Overwrites `logits` `[vocabulary]`.
    mutating func sample(_ logits: UnsafeMutablePointer<Float>, count: Int, step: Int, workspace: Workspace) -> Int32 {
        applyPenalties(logits)
        for (token, bias) in parameters.logitBias { logits[Int(token)] += bias }
        let token =
            parameters.temperature == 0
            ? RowOperations.argmax(logits, count: count)
            : draw(logits, count: count, uniform: random.uniform(step: step), workspace: workspace)
        generated[Int32(token), default: 0] += 1
        return Int32(token)
    }

    private func applyPenalties(_ logits: UnsafeMutablePointer<Float>) {
        let repetition = parameters.repetitionPenalty
        func repeated(_ token: Int32) {
            let value = logits[Int(token)]
            logits[Int(token)] = value > 0 ? value / repetition : value * repetition
        }
        if repetition != 1 {
            for token in promptTokens { repeated(token) }
            for token in generated.keys where !promptTokens.contains(token) { repeated(token) }
        }
        let presence = parameters.presencePenalty
        let frequency = parameters.frequencyPenalty
        if presence != 0 || frequency != 0 {
            for (token, count) in generated { logits[Int(token)] -= presence + frequency * Float(count) }
        }
    }

    private func draw(_ logits: UnsafeMutablePointer<Float>, count: Int, uniform: Double, workspace: Workspace) -> Int {
        let inverse = 1 / max(parameters.temperature, 1e-5)
        for index in 0..<count { logits[index] *= inverse }
        if parameters.topK > 0 || parameters.topP < 1 {
            return drawFromStrongest(logits, count: count, uniform: uniform, workspace: workspace)
        }
        RowOperations.softmax(logits, count: count)
        let floor = parameters.minP * logits[RowOperations.argmax(logits, count: count)]
        var total = 0.0
        for index in 0..<count where logits[index] >= floor { total += Double(logits[index]) }
        var remaining = uniform * total
        var last = 0
        for index in 0..<count where logits[index] >= floor {
            remaining -= Double(logits[index])
            last = index
            if remaining < 0 { break }
        }
        return last
    }

    /// Draws from the most likely tokens in descending order, widening the set until it holds `topP` of the probability.
    private func drawFromStrongest(
        _ logits: UnsafePointer<Float>, count: Int, uniform: Double, workspace: Workspace
    ) -> Int {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let limit = parameters.topK > 0 ? min(parameters.topK, count) : count
        let indices = workspace.allocate(Int32.self, limit)
        let values = workspace.allocate(Float.self, limit)
        let all = parameters.topK > 0 ? nil : Double(RowOperations.logSumExp(logits, count: count))
        var width = parameters.topK > 0 ? limit : min(256, limit)
        while true {
            let found = RowOperations.topK(logits, count: count, k: width, into: indices, values: values)
            let weights = Self.probabilities(values, count: found, logSumExp: all)
            let kept = nucleus(weights)
            // Fewer than all candidates, or nothing left to add: the set is final.
            if let kept, kept < found || width == limit { return pick(weights, kept, indices, uniform) }
            if width == limit { return pick(weights, found, indices, uniform) }
            width = min(width * 16, limit)
        }
    }

    private static func probabilities(_ logits: UnsafePointer<Float>, count: Int, logSumExp: Double?) -> [Double] {
        let top = Double(logits[0])
        let reference = logSumExp ?? (top + log((0..<count).reduce(0) { $0 + exp(Double(logits[$1]) - top) }))
        return (0..<count).map { exp(Double(logits[$0]) - reference) }
    }

    /// How many of the descending `weights` make up `topP` and reach `minP`; nil when `topP` is not reached by them all.
    private func nucleus(_ weights: [Double]) -> Int? {
        let floor = Double(parameters.minP) * weights[0]
        var sum = 0.0
        for (index, weight) in weights.enumerated() {
            if weight < floor { return max(index, 1) }
            sum += weight
            if sum >= Double(parameters.topP) { return index + 1 }
        }
        return parameters.topP >= 1 ? weights.count : nil
    }

    private func pick(_ weights: [Double], _ kept: Int, _ indices: UnsafePointer<Int32>, _ uniform: Double) -> Int {
        var remaining = uniform * weights[..<kept].reduce(0, +)
        for index in 0..<kept {
            remaining -= weights[index]
            if remaining < 0 { return Int(indices[index]) }
        }
        return Int(indices[kept - 1])
    }
}

extension TokenLogprobs {
    /// Log-probability of `token` under unmodified `logits` `[vocabulary]`, its rank, and the `top` most likely tokens.
    init(_ token: Int32, logits: UnsafePointer<Float>, count: Int, top: Int, workspace: Workspace) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let reference = RowOperations.logSumExp(logits, count: count)
        let own = logits[Int(token)]
        var rank = 1
        for index in 0..<count where logits[index] > own { rank += 1 }
        var alternatives: [Alternative] = []
        if top > 0 {
            let indices = workspace.allocate(Int32.self, top)
            let values = workspace.allocate(Float.self, top)
            let found = RowOperations.topK(logits, count: count, k: min(top, count), into: indices, values: values)
            alternatives = (0..<found).map { Alternative(id: indices[$0], logprob: values[$0] - reference) }
        }
        self.init(id: token, logprob: own - reference, rank: rank, top: alternatives)
    }
}
