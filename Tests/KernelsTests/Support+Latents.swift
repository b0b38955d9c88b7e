import Foundation
import Kernels
import TestRandomness

/// An encoder with rows to select for.
struct LatentCase {
    let (latents, width, rows, k): (Int, Int, Int, Int)
    private let brain: Bool
    private let (weights, packed, x, centre): (AlignedBytes, AlignedBytes, AlignedBytes, AlignedBytes)

    struct Selection {
        var indices: [Int32]
        var activations: [Float]
        var scored = 0
    }

    init(
        _ kind: LatentTests.Kind, batch: Int, using random: inout SeededRandom, _ tier: Tier, latents: Int? = nil, width: Int? = nil,
        rows: Int? = nil, k: Int? = nil
    ) {
        self.latents = latents ?? Int.random(in: 1...100, using: &random)
        self.width = width ?? (batch % 10 == 0 ? Int.random(in: 1...200, using: &random) : Int.random(in: 1...20, using: &random))
        self.rows = rows ?? Int.random(in: 100...256, using: &random)
        self.k = k ?? Int.random(in: 1...12, using: &random)
        brain = batch % 2 == 0
        let (m, d, n) = (self.latents, self.width, self.rows)
        var fast = FastNumbers(seed: random.next())
        func numbers(_ count: Int, _ stride: Int) -> [Float] {
            var row = 0
            var scale: Float = 1
            return (0..<count).map { index in
                if index % stride == 0 {
                    row = index / stride
                    scale = kind == .sizes ? Float(sign: .plus, exponent: Int(fast.next() % 60) - 30, significand: 1) : 1
                }
                let value = fast.number()
                switch kind {
                case .plain, .equalRows, .negative: return value
                case .ties: return (value * 2).rounded()
                case .sizes: return value * scale * (fast.next() % 8 == 0 ? 1000 : 1)
                case .tiny: return value * (row % 3 == 0 ? 0x1p-140 : row % 3 == 1 ? 0x1p-115 : 0x1p-70)
                case .huge: return value * (row % 3 == 0 ? 0x1p100 : row % 3 == 1 ? 0x1p45 : 0x1p20)
                case .sparse: return fast.next() % 5 == 0 ? value * 100 : fast.next() % 2 == 0 ? 0 : -0.0
                case .notFinite: return fast.next() % 97 == 0 ? [.infinity, -.infinity, .nan][Int(fast.next() % 3)] : value
                }
            }
        }
        var w = numbers(m * d, d)
        if kind == .equalRows { for index in d..<max(m * d, d) { w[index] = w[index % (d * 2) % w.count] } }
        var bias = numbers(m, 1).map { $0 * 0.1 }
        if kind == .negative { bias = bias.map { -abs($0) - Float(d) } }
        if kind == .equalRows { bias = bias.map { _ in 0 } }
        weights = brain ? AlignedBytes(count: m * d * 2) : AlignedBytes(copying: w)
        if brain { resa_round_row(m * d, m * d, w, weights.start.assumingMemoryBound(to: UInt16.self)) }
        x = AlignedBytes(copying: numbers(n * d, d))
        centre = AlignedBytes(copying: kind == .plain ? numbers(d, d) : [Float](repeating: 0, count: d))
        packed = AlignedBytes(count: resa_latents_bytes(m, d))
        let scratch = AlignedBytes(count: resa_latents_pack_scratch(d))
        var encoder = kernel
        let panels = resa_latents_panels(m)
        resa_latents_pack(tier.table, &encoder, bias, panels / 2, panels, packed.start, scratch.start)
        resa_latents_pack(tier.table, &encoder, bias, 0, panels / 2, packed.start, scratch.start)
    }

    private var kernel: resa_latents {
        resa_latents(latents: latents, width: width, rows: weights.start, brain: brain, packed: packed.start)
    }

    private func call(_ rows: Range<Int>, tasks: Int, _ body: (UnsafePointer<resa_latent_call>) -> Void) -> Selection {
        var result = Selection(
            indices: [Int32](repeating: -7, count: rows.count * k), activations: [Float](repeating: -7, count: rows.count * k))
        result.indices.withUnsafeMutableBufferPointer { indices in
            result.activations.withUnsafeMutableBufferPointer { activations in
                let placeholder = AlignedBytes(count: 1)
                var call = resa_latent_call(
                    encoder: kernel, k: k, rows: rows.count, tasks: tasks,
                    x: x.start.assumingMemoryBound(to: Float.self) + rows.lowerBound * width, xStride: width,
                    centre: centre.start.assumingMemoryBound(to: Float.self), indices: indices.baseAddress!,
                    activations: activations.baseAddress!, scratch: placeholder.start.assumingMemoryBound(to: CChar.self))
                let scratch = AlignedBytes(count: resa_latent_scratch_bytes(&call))
                call.scratch = scratch.start.assumingMemoryBound(to: CChar.self)
                body(&call)
            }
        }
        return result
    }

    func select(_ tier: Tier, rows: Range<Int>, tasks: Int, threads: Int = 1) -> Selection {
        var scored = 0
        var result = call(rows, tasks: tasks) { call in
            for row in 0..<rows.count { resa_latent_prepare(tier.table, call, row) }
            if threads == 1 {
                for task in 0..<tasks { resa_latent_scan(tier.table, call, task) }
            } else {
                nonisolated(unsafe) let call = call
                DispatchQueue.concurrentPerform(iterations: tasks) { task in resa_latent_scan(tier.table, call, task) }
            }
            for row in 0..<rows.count { scored += resa_latent_finish(tier.table, call, row) }
        }
        result.scored = scored
        return result
    }

    /// The row less the centre.
    func row(_ index: Int) -> [Float] {
        let (x, centre) = (x.start.assumingMemoryBound(to: Float.self) + index * width, centre.start.assumingMemoryBound(to: Float.self))
        return (0..<width).map { x[$0] - centre[$0] }
    }

    func scores(_ tier: Tier, row: Int) -> [Float] {
        var encoder = kernel
        var scores = [Float](repeating: 0, count: latents)
        resa_latent_scores(tier.table, &encoder, self.row(row), &scores)
        return scores
    }

    /// Every score, then the whole row's top k of those above 0.
    func bruteForce(_ tier: Tier) -> Selection {
        var result = Selection(indices: [], activations: [])
        var (indices, values) = ([Int32](repeating: 0, count: k), [Float](repeating: 0, count: k))
        for row in 0..<rows {
            let found = resa_top_k(tier.table, latents, scores(tier, row: row), k, &indices, &values)
            for slot in 0..<k {
                let positive = slot < found && values[slot] > 0
                result.indices.append(positive ? indices[slot] : 0)
                result.activations.append(positive ? values[slot] : 0)
            }
        }
        return result
    }

    func bounds(_ tier: Tier, row: Int) -> (lower: [Float], upper: [Float])? {
        var (lower, upper) = ([Float](repeating: 0, count: latents), [Float](repeating: 0, count: latents))
        var scanned = false
        _ = call(row..<row + 1, tasks: 1) { call in
            resa_latent_prepare(tier.table, call, 0)
            scanned = resa_latent_bounds(tier.table, call, 0, &lower, &upper)
        }
        return scanned ? (lower, upper) : nil
    }

    /// |u| times the largest |w|, for numbers in -1...1.
    func largestProduct(row: Int) -> Float {
        self.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot() * Float(width).squareRoot()
    }
}

/// Numbers by the million from a debug build.
struct FastNumbers {
    private var state: UInt64
    init(seed: UInt64) { state = seed | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state >> 20
    }
    /// In -1...1.
    mutating func number() -> Float { Float(next() & 0xffff) / 32768 - 1 }
}
