import Foundation
import Tensors

/// Chooses tokens for one sequence and remembers what its penalties need. Everything depends only on the sequence's own
/// logits, parameters and step, never on the batch.
///
/// Takes its memory when it is made: a draw allocates nothing.
struct Sampler: ~Copyable {
    private let temperature: Float
    private let topP: Float
    private let topK: Int
    private let minP: Float
    private let presence: Float
    private let frequency: Float
    private let repetition: Float
    private let random: RandomSource
    private var seen: SeenTokens
    private let bias: AlignedBuffer<(token: Int32, bias: Float)>

    /// - Parameter maxTokens: how many tokens will be drawn at most.
    init(_ parameters: SamplingParameters, seed: UInt64, choice: Int, prompt: [Int32], maxTokens: Int) {
        temperature = parameters.temperature
        topP = parameters.topP
        topK = parameters.topK
        minP = parameters.minP
        presence = parameters.presencePenalty
        frequency = parameters.frequencyPenalty
        repetition = parameters.repetitionPenalty
        random = RandomSource(seed: seed, choice: choice)
        let remembers = parameters.repetitionPenalty != 1 || parameters.presencePenalty != 0 || parameters.frequencyPenalty != 0
        seen = SeenTokens(prompt: parameters.repetitionPenalty != 1 ? prompt : [], generated: remembers ? maxTokens : 0)
        bias = AlignedBuffer(parameters.logitBias.map { (token: $0.key, bias: $0.value) })
    }

    /// Picks the token of `step`; -1 where no logit is a number, or the largest is infinite. Overwrites `logits` `[vocabulary]`.
    mutating func sample(
        _ logits: UnsafeMutablePointer<Float>, count: Int, step: Int, on tier: InstructionSet, workspace: Workspace
    ) -> Int32 {
        applyPenalties(logits)
        for index in 0..<bias.count { logits[Int(bias[index].token)] += bias[index].bias }
        let token =
            temperature == 0
            ? mostLikely(logits, count: count, on: tier)
            : draw(logits, count: count, uniform: random.uniform(step: step), on: tier, workspace: workspace)
        guard token >= 0 else { return -1 }
        seen.generated(Int32(token))
        return Int32(token)
    }

    private func mostLikely(_ logits: UnsafePointer<Float>, count: Int, on tier: InstructionSet) -> Int {
        let token = RowOperations.argmax(logits, count: count, on: tier)
        return logits[token].isFinite ? token : -1
    }

    private func applyPenalties(_ logits: UnsafeMutablePointer<Float>) {
        for index in 0..<seen.count {
            let (token, count) = seen[index]
            if repetition != 1 {
                let value = logits[token]
                logits[token] = value > 0 ? value / repetition : value * repetition
            }
            if count > 0, presence != 0 || frequency != 0 { logits[token] -= presence + frequency * Float(count) }
        }
    }

    private func draw(
        _ logits: UnsafeMutablePointer<Float>, count: Int, uniform: Double, on tier: InstructionSet, workspace: Workspace
    ) -> Int {
        let temperature = max(temperature, 1e-5)
        if topK == 0, topP == 1 {
            return RowOperations.draw(
                logits, count: count, temperature: temperature, minP: minP, uniform: uniform, workspace: workspace, on: tier)
        }
        let inverse = 1 / temperature
        for index in 0..<count { logits[index] *= inverse }
        return drawFromStrongest(logits, count: count, uniform: uniform, on: tier, workspace: workspace)
    }

    /// Draws from the most likely tokens in descending order, widening the set until it holds `topP` of the probability.
    private func drawFromStrongest(
        _ logits: UnsafePointer<Float>, count: Int, uniform: Double, on tier: InstructionSet, workspace: Workspace
    ) -> Int {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let limit = topK > 0 ? min(topK, count) : count
        let indices = workspace.allocate(Int32.self, limit)
        let values = workspace.allocate(Float.self, limit)
        let weights = workspace.allocate(Double.self, limit)
        let all = topK > 0 ? nil : Double(RowOperations.logSumExp(logits, count: count, on: tier))
        var width = topK > 0 ? limit : min(256, limit)
        while true {
            let found = RowOperations.topK(logits, count: count, k: width, into: indices, values: values, on: tier)
            guard values[0].isFinite else { return -1 }
            Self.probabilities(values, count: found, logSumExp: all, into: weights)
            let kept = nucleus(weights, count: found)
            // Fewer than all candidates, or nothing left to add: the set is final.
            if let kept, kept < found || width == limit { return Self.pick(weights, kept, indices, uniform) }
            if width == limit { return Self.pick(weights, found, indices, uniform) }
            width = min(width * 16, limit)
        }
    }

    private static func probabilities(
        _ logits: UnsafePointer<Float>, count: Int, logSumExp: Double?, into weights: UnsafeMutablePointer<Double>
    ) {
        let top = Double(logits[0])
        var reference = logSumExp ?? 0
        if logSumExp == nil {
            var sum = 0.0
            for index in 0..<count { sum += exp(Double(logits[index]) - top) }
            reference = top + log(sum)
        }
        for index in 0..<count { weights[index] = exp(Double(logits[index]) - reference) }
    }

    /// How many of the descending `weights` make up `topP` and reach `minP`; nil when `topP` is not reached by them all.
    private func nucleus(_ weights: UnsafePointer<Double>, count: Int) -> Int? {
        let floor = Double(minP) * weights[0]
        var sum = 0.0
        for index in 0..<count {
            if weights[index] < floor { return max(index, 1) }
            sum += weights[index]
            if sum >= Double(topP) { return index + 1 }
        }
        return topP >= 1 ? count : nil
    }

    private static func pick(
        _ weights: UnsafePointer<Double>, _ kept: Int, _ indices: UnsafePointer<Int32>, _ uniform: Double
    ) -> Int {
        var sum = 0.0
        for index in 0..<kept { sum += weights[index] }
        var remaining = uniform * sum
        for index in 0..<kept {
            remaining -= weights[index]
            if remaining < 0 { return Int(indices[index]) }
        }
        return Int(indices[kept - 1])
    }
}
