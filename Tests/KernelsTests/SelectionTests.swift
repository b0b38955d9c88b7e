import Kernels
import TestRandomness
import Testing

@Suite struct SelectionTests {
    private func topK(_ tier: Tier, _ x: [Float], _ k: Int) -> [(index: Int, value: Float)] {
        var indices = [Int32](repeating: -1, count: max(k, 1))
        var values = [Float](repeating: 0, count: max(k, 1))
        let count = resa_top_k(tier.table, x.count, x, k, &indices, &values)
        return (0..<count).map { (Int(indices[$0]), values[$0]) }
    }

    /// Against a full sort. Few distinct values make many ties.
    @Test(arguments: Tier.all) func largest(_ tier: Tier) {
        var random = SeededRandom()
        for _ in 0..<300 {
            let count = Int.random(in: 1...300, using: &random)
            let distinct = Int.random(in: 1...200, using: &random)
            let x = (0..<count).map { _ in Float(Int.random(in: 0..<distinct, using: &random)) - 20 }
            let k = Int.random(in: 1...count + 3, using: &random)
            let wanted = x.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.prefix(k)
            let got = topK(tier, x, k)
            #expect(got.map(\.index) == wanted.map(\.offset))
            #expect(got.map(\.value) == wanted.map(\.element))
            #expect(resa_argmax(tier.table, count, x) == wanted.first!.offset)
        }
    }

    @Test(arguments: Tier.all) func edges(_ tier: Tier) {
        #expect(topK(tier, [1, 2], 0).isEmpty)
        #expect(topK(tier, [], 3).isEmpty)
        #expect(resa_argmax(tier.table, 0, [0]) == 0)
        #expect(topK(tier, [.nan, 1, .nan, 3, 2, .nan], 3).map(\.index) == [3, 4, 1])
        #expect(topK(tier, [.nan, .nan], 2).map(\.value) == [-.infinity, -.infinity])
        #expect(resa_argmax(tier.table, 3, [-.infinity, .infinity, .infinity]) == 1)
    }

    @Test(arguments: Tier.all) func groups(_ tier: Tier) {
        var random = SeededRandom()
        for (groups, size) in [(1, 5), (4, 1), (3, 7), (8, 33), (32, 64)] {
            let x = (0..<groups * size).map { _ in Float(Int.random(in: 0..<40, using: &random)) }
            var indices = [Int32](repeating: -1, count: groups)
            var values = [Float](repeating: -1, count: groups)
            resa_group_max(tier.table, x.count, x, groups, &indices, &values)
            for group in 0..<groups {
                let run = x[group * size..<(group + 1) * size]
                #expect(values[group] == run.max()!)
                #expect(Int(indices[group]) == run.firstIndex(of: run.max()!)!)
            }
        }
    }

    @Test(arguments: Tier.all) func findsGreater(_ tier: Tier) {
        var random = SeededRandom()
        for count in lengths {
            let x = random.floats(count)
            let threshold = Float.random(in: 0.5...1, using: &random)
            var found: [Int] = []
            var i = tier.kernels.find_greater(count, x, 0, threshold)
            while i < count {
                found.append(i)
                i = tier.kernels.find_greater(count, x, i + 1, threshold)
            }
            #expect(i == count && found == x.indices.filter { x[$0] > threshold })
            #expect(tier.kernels.find_greater(count, x, 0, -2) == 0)
            #expect(tier.kernels.find_greater(count, x, count, -2) == count)
        }
    }
}
