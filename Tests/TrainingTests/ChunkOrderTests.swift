import Testing

@testable import Training

@Suite struct ChunkOrderTests {
    @Test(arguments: [nil, 7] as [UInt64?]) func everyEpochMeetsWholeBatchesOnce(seed: UInt64?) {
        var order = ChunkOrder(count: 11, batch: 3, epochs: 4, maximumSteps: nil, seed: seed)
        #expect(order.steps == 12)
        var epochs: [[Int]] = []
        for epoch in 0..<4 {
            var met: [Int] = []
            for step in epoch * 3..<epoch * 3 + 3 {
                #expect(order.epoch(of: step) == epoch)
                let whole = order.chunks(step, parts: 0..<3)
                #expect(whole.map(\.part) == [0, 1, 2])
                // Processes that share a step have its parts between them.
                let shared = [0..<1, 1..<1, 1..<3].flatMap { order.chunks(step, parts: $0) }
                #expect(shared.map(\.chunk) == whole.map(\.chunk) && shared.map(\.part) == [0, 1, 2])
                met += whole.map(\.chunk)
            }
            #expect(Set(met).count == 9 && met.allSatisfy { (0..<11).contains($0) })
            epochs.append(met)
        }
        #expect(Set(epochs).count == (seed == nil ? 1 : 4))
        if seed == nil { #expect(epochs[0] == Array(0..<9)) }
    }

    /// A run that goes on in the middle meets what it would have met.
    @Test func stepsDependOnNothingBefore() {
        var (whole, later) = (Self.order(maximumSteps: nil), Self.order(maximumSteps: nil))
        let chunks = (0..<10).map { step in whole.chunks(step, parts: 0..<2).map(\.chunk) }
        for step in [9, 4, 5, 0] { #expect(later.chunks(step, parts: 0..<2).map(\.chunk) == chunks[step]) }
    }

    @Test func aRunMayEndBeforeItsEpochs() {
        let endless = ChunkOrder(count: 5, batch: 2, epochs: .max, maximumSteps: 7, seed: nil)
        #expect(endless.steps == 7)
        #expect(Self.order(maximumSteps: 7).steps == 7 && Self.order(maximumSteps: 70).steps == 10)
    }

    private static func order(maximumSteps: Int?) -> ChunkOrder {
        ChunkOrder(count: 5, batch: 2, epochs: 5, maximumSteps: maximumSteps, seed: 3)
    }
}
