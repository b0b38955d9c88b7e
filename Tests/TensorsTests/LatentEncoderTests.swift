import Tensors
import TestRandomness
import Testing

@Suite struct LatentEncoderTests {
    /// A row's latents are the same bits on every tier, for any number of threads, alone and in any company, past one call's rows too.
    @Test(arguments: [FloatFormat.f32, .bf16]) func oneResult(_ format: FloatFormat) throws {
        var random = SeededRandom()
        let (latents, width, k, rows) = (3000, 70, 9, 300)
        let (weights, bias, centre) = (random.floats(latents * width), random.floats(latents), random.floats(width))
        let x = random.matrix(rows, width)
        var wanted: (indices: [Int32], activations: [Float])?
        for tier in InstructionSet.available {
            for threads in [1, 3] {
                let pool = WorkerPool(threads: threads, instructionSet: tier)
                let encoder = try LatentEncoder(
                    latents: latents, width: width, format: format, bias: bias, pool: pool
                ) { range, rows in
                    for (offset, element) in weights[range.lowerBound * width..<range.upperBound * width].enumerated() {
                        rows[offset] = element
                    }
                }
                #expect(encoder.byteCount >= latents * width * (format == .f32 ? 5 : 3))
                func select(_ range: Range<Int>) -> (indices: [Int32], activations: [Float]) {
                    var indices = [Int32](repeating: -1, count: range.count * k)
                    var activations = [Float](repeating: -1, count: range.count * k)
                    encoder.select(
                        x.view.rows(range), centre: centre, k: k, indices: &indices, activations: &activations, pool: pool,
                        workspace: Workspace())
                    return (indices, activations)
                }
                let all = select(0..<rows)
                if let wanted {
                    #expect(all.indices == wanted.indices)
                    expectSameBits(all.activations, wanted.activations, "\(tier), \(threads) threads")
                }
                wanted = wanted ?? all
                for row in [0, 17, rows - 1] {
                    let alone = select(row..<row + 1)
                    #expect(alone.indices == Array(all.indices[row * k..<(row + 1) * k]))
                    expectSameBits(alone.activations, Array(all.activations[row * k..<(row + 1) * k]))
                }
            }
        }
        // Against sums in double over what is stored.
        let found = try #require(wanted)
        for row in [1, rows / 2] {
            let scores = (0..<latents).map { latent in
                (0..<width).reduce(Double(bias[latent])) { sum, i in
                    let weight = weights[latent * width + i]
                    let stored =
                        format == .f32
                        ? weight : Float(bitPattern: (weight.bitPattern &+ 0x7fff &+ (weight.bitPattern >> 16 & 1)) & 0xffff_0000)
                    return sum + Double(x.view[row, i] - centre[i]) * Double(stored)
                }
            }
            for (slot, score) in scores.sorted(by: >).prefix(k).enumerated() {
                #expect(abs(Double(found.activations[row * k + slot]) - score) < 1e-4)
            }
        }
    }

    @Test func rethrowsTheErrorOfFill() {
        struct Broken: Error, Equatable { let row: Int }
        #expect(throws: Broken(row: 128)) {
            _ = try LatentEncoder(
                latents: 500, width: 8, format: .bf16, bias: [Float](repeating: 0, count: 500), pool: WorkerPool(threads: 2)
            ) { range, _ in
                if range.contains(128) { throw Broken(row: 128) }
            }
        }
    }
}
