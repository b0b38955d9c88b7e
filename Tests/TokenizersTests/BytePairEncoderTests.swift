import TestRandomness
import Testing

@testable import Tokenizers

@Suite struct BytePairEncoderTests {
    /// Merges as the definition says: the strongest pair anywhere, leftmost first, until none is left.
    private func mergeByDefinition(_ word: [UInt8], _ merges: [[Int32]: (rank: Int32, id: Int32)]) -> [Int32] {
        var symbols = word.map(Int32.init)
        while true {
            var best: (rank: Int32, id: Int32, at: Int)?
            for at in symbols.indices.dropLast() {
                if let merge = merges[[symbols[at], symbols[at + 1]]], merge.rank < best?.rank ?? .max {
                    best = (merge.rank, merge.id, at)
                }
            }
            guard let best else { return symbols }
            symbols.replaceSubrange(best.at...best.at + 1, with: [best.id])
        }
    }

    @Test func scanAndHeapFollowTheDefinition() {
        var numbers = SeededRandom()
        func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }
        for round in 0..<60 {
            // Few letters, so that merges overlap in every way.
            let letters = 1 + random(4)
            var merges: [[Int32]: (rank: Int32, id: Int32)] = [:]
            var table = MergeTable(capacity: 40)
            var symbols = (0..<letters).map { Int32(97 + $0) }
            for rank in 0..<Int32(random(30)) {
                let pair = [symbols[random(symbols.count)], symbols[random(symbols.count)]]
                guard merges[pair] == nil else { continue }
                merges[pair] = (rank, 256 + rank)
                table.insert(left: pair[0], right: pair[1], rank: rank, id: 256 + rank)
                symbols.append(256 + rank)
            }
            let encoder = BytePairEncoder(
                merges: table, byteTokens: (0..<256).map { Int32($0) }, unknownToken: nil, fuseUnknown: false, ignoreMerges: false)
            let vocabulary = Vocabulary(names: [], added: [])
            let scratch = MergeScratch()
            for length in [0, 1, 2, 3, 5, 17, 39, 40, 41, 42, 90, 300] {
                let word = (0..<length).map { _ in UInt8(97 + random(letters)) }
                var got: [Int32] = []
                word.withUnsafeBufferPointer { encoder.encode($0, vocabulary: vocabulary, scratch: scratch, into: &got) }
                #expect(got == mergeByDefinition(word, merges), "round \(round), \(length) bytes")
            }
        }
    }

    @Test func cacheForgetsButNeverMixesUp() {
        let cache = WordCache()
        var stored: [[UInt8]: [Int32]] = [:]
        for number in 0..<40_000 {
            let word = Array("w\(number)".utf8)
            let tokens = (0..<Int32(1 + number % 8)).map { $0 + Int32(number) }
            word.withUnsafeBufferPointer { cache.store(WordCache.Key($0), tokens[...]) }
            stored[word] = tokens
        }
        var found = 0
        for (word, tokens) in stored {
            var got: [Int32] = []
            guard word.withUnsafeBufferPointer({ cache.append(WordCache.Key($0), to: &got) }) else { continue }
            found += 1
            if got != tokens { Issue.record("\(String(decoding: word, as: UTF8.self)): \(got)") }
        }
        #expect(found > 5000)
        #expect(found <= 1 << 14)
    }
}
