import Measuring
import Tensors
import Testing

@testable import Training

/// Rates, clipping, orders and dropout.
@Suite struct OptimiserTests {
    @Test func ratesAndClipping() {
        let cosine = LearningRate(peak: 2, schedule: .cosine, warmup: 4, steps: 12)
        #expect((0..<4).map(cosine.rate) == [0, 0.5, 1, 1.5])
        #expect(cosine.rate(4) == 2 && abs(cosine.rate(8) - 1) < 1e-12 && cosine.rate(12) < 1e-12)
        let linear = LearningRate(peak: 2, schedule: .linear, warmup: 0, steps: 4)
        #expect((0...4).map(linear.rate) == [2, 1.5, 1, 0.5, 0])
        #expect(AdamW.clip(norm: 0.5, limit: 1) == 1 && AdamW.clip(norm: 4, limit: nil) == 1)
        #expect(abs(AdamW.clip(norm: 4, limit: 1) - 0.25) < 1e-6)
    }

    @Test func permutations() {
        let order = KeyedRandom.permutation(1000, key: 7)
        #expect(order.sorted() == Array(0..<1000) && order != Array(0..<1000))
        #expect(KeyedRandom.permutation(1000, key: 8) != order)
        #expect(KeyedRandom.permutation(1, key: 8) == [0] && KeyedRandom.permutation(0, key: 8).isEmpty)
    }

    /// About the rate's share is dropped, the rest keeps the mean, and key and projection decide which.
    @Test func dropout() {
        let pool = WorkerPool(threads: 2)
        let ones = StoredMatrix(rows: 40, columns: 250)
        ones.view.fill(1)
        func masked(_ key: UInt64, _ entry: Int) -> [Float] {
            let result = StoredMatrix(rows: 40, columns: 250)
            LayerPass.Dropout(rate: 0.3, key: key).apply(ones.view, entry: entry, into: result.view, pool: pool)
            return result.view.elements
        }
        let first = masked(1, 2)
        let dropped = first.count { $0 == 0 }
        // Five standard deviations.
        #expect(abs(dropped - 3000) < 230)
        #expect(first.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-6 })
        #expect(first == masked(1, 2) && first != masked(1, 3) && first != masked(2, 2))
    }
}
