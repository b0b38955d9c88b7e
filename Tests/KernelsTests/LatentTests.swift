import Foundation
import Kernels
import TestRandomness
import Testing

/// Selection of latents from 8-bit codes against computing every score.
@Suite struct LatentTests {
    /// What goes into an encoder and its rows: sizes alone, or hostile numbers.
    enum Kind: CaseIterable {
        case plain, ties, equalRows, sizes, tiny, huge, negative, sparse, notFinite
    }

    /// The last chain is the longest; products and sums are those of the definition.
    @Test func orderedDotIsTheSameInEveryTier() {
        var random = SeededRandom()
        for count in lengths {
            let (x, row) = (random.floats(count), random.floats(count))
            let brain = row.map { UInt16($0.bitPattern >> 16) }
            var chains = [Float](repeating: 0, count: 64)
            for i in 0..<count { chains[i % 64] = chains[i % 64].addingProduct(x[i], row[i]) }
            for half in [32, 16, 8, 4, 2, 1] { for i in 0..<half { chains[i] += chains[i + half] } }
            for tier in Tier.all {
                #expect(tier.kernels.ordered_dot(count, x, row, false) == chains[0], "\(tier.testDescription) \(count)")
                #expect(tier.kernels.ordered_dot(count, x, brain, true) == Tier.scalar.kernels.ordered_dot(count, x, brain, true))
            }
        }
    }

    /// Rows without scratch give the bits of rows that were widened first.
    @Test(arguments: Tier.all) func addsRows(_ tier: Tier) {
        var random = SeededRandom()
        for width in lengths {
            let brain = random.floats(5 * width).map { UInt16($0.bitPattern >> 16) }
            let wide = brain.map { Float(bitPattern: UInt32($0) << 16) }
            let (indices, factors): ([Int32], [Float]) = ([3, 0, 0, 4], [0.5, -2, 0, 1.25])
            let start = random.floats(width)
            var (got, floats, wanted) = (start, start, start)
            resa_add_rows(tier.table, width, brain, true, 4, indices, factors, &got)
            resa_add_rows(tier.table, width, wide, false, 4, indices, factors, &floats)
            for (index, factor) in zip(indices, factors) where factor != 0 {
                tier.kernels.axpy(width, factor, Array(wide[Int(index) * width..<(Int(index) + 1) * width]), &wanted)
            }
            expectSameBits(got, wanted)
            expectSameBits(floats, wanted)
        }
    }

    /// More than a million rows over all kinds and tiers: small shapes, both row formats, any number of tasks and of rows beside.
    @Test(arguments: Tier.all) func shortlistEqualsBruteForce(_ tier: Tier) {
        var random = SeededRandom()
        let batches = tier.kernels.tier == RESA_TIER_SCALAR ? 300 : 5600
        var (rows, scored, scanned) = (0, 0, 0)
        for batch in 0..<batches {
            let kind = Kind.allCases[batch % Kind.allCases.count]
            let encoder = LatentCase(kind, batch: batch, using: &random, tier)
            let brute = encoder.bruteForce(tier)
            let found = encoder.select(tier, rows: 0..<encoder.rows, tasks: Int.random(in: 1...5, using: &random))
            #expect(found.indices == brute.indices, "\(kind), \(encoder.latents) latents, width \(encoder.width), k \(encoder.k)")
            expectSameBits(found.activations, brute.activations, "\(kind)")
            // Some of the rows, in other company.
            let part = encoder.rows / 3..<encoder.rows / 3 + min(encoder.rows - encoder.rows / 3, 1 + batch % 7)
            let alone = encoder.select(tier, rows: part, tasks: 1 + batch % 3)
            #expect(alone.indices == Array(brute.indices[part.lowerBound * encoder.k..<part.upperBound * encoder.k]))
            rows += encoder.rows
            if kind == .plain { (scored, scanned) = (scored + found.scored, scanned + encoder.rows * encoder.latents) }
        }
        print("\(tier.testDescription): \(rows) rows; exact scores of plain rows: \(Double(scored) / Double(scanned)) of all")
        #expect(rows >= (tier.kernels.tier == RESA_TIER_SCALAR ? 45_000 : 960_000))
    }

    /// Threads that raise one another's thresholds, in a matrix large enough for candidates to be dropped.
    @Test(arguments: Tier.all) func threadsAndOverflow(_ tier: Tier) {
        var random = SeededRandom()
        for kind in Kind.allCases {
            let encoder = LatentCase(kind, batch: 1, using: &random, tier, latents: 9000, width: 40, rows: 9, k: 8)
            let brute = encoder.bruteForce(tier)
            for (tasks, threads) in [(1, 1), (3, 2), (8, 4)] {
                let found = encoder.select(tier, rows: 0..<9, tasks: tasks, threads: threads)
                #expect(found.indices == brute.indices, "\(kind), \(tasks) tasks")
                expectSameBits(found.activations, brute.activations, "\(kind), \(tasks) tasks")
            }
        }
    }

    /// The bound of resa_latents.h: every exact score lies in it, and it is not an empty promise.
    @Test(arguments: Tier.all) func boundsHold(_ tier: Tier) {
        var random = SeededRandom()
        var checked = 0
        for batch in 0..<360 {
            let kind = Kind.allCases[batch % Kind.allCases.count]
            let encoder = LatentCase(kind, batch: batch, using: &random, tier)
            for row in 0..<min(encoder.rows, 20) {
                guard let bounds = encoder.bounds(tier, row: row) else { continue }
                let scores = encoder.scores(tier, row: row)
                for latent in 0..<encoder.latents where !scores[latent].isNaN {
                    // NaN bounds say nothing: such a latent is always a candidate.
                    if bounds.lower[latent] > scores[latent] || bounds.upper[latent] < scores[latent] {
                        Issue.record("\(kind): \(scores[latent]) outside \(bounds.lower[latent])...\(bounds.upper[latent])")
                        return
                    }
                    checked += 1
                }
                if kind == .plain {
                    let widest = (0..<encoder.latents).map { bounds.upper[$0] - bounds.lower[$0] }.max()!
                    #expect(widest < 0.08 * encoder.largestProduct(row: row))
                }
            }
        }
        #expect(checked > 100_000)
    }
}
