import Foundation
import TestRandomness
import Testing

/// Kept seeds and random damage to them: every reader either reads or throws its error. A crash is the failure.
/// `RESA_LONG_TESTS=SECONDS` (per reader) makes it longer; `Tests/Fuzz/run.sh` goes deeper.
@Suite struct ReaderFuzzTests {
    /// The files of `Tests/Fuzz/Corpus/TARGET`: `good-*` must be read, the others are damaged files that were once of interest.
    private static func corpus(_ target: ReaderFuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/\(target.rawValue)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        return try names.map { ($0, [UInt8](try Data(contentsOf: folder.appendingPathComponent($0)))) }
    }

    @Test(arguments: ReaderFuzzTarget.allCases)
    func corpusIsReadOrRefused(_ target: ReaderFuzzTarget) throws {
        let seeds = try Self.corpus(target)
        #expect(seeds.contains { $0.name.hasPrefix("good-") })
        for seed in seeds {
            if seed.name.hasPrefix("good-") {
                #expect(throws: Never.self, "\(seed.name)") { try target.read(seed.bytes) }
            } else {
                _ = try? target.read(seed.bytes)
            }
        }
    }

    @Test(arguments: ReaderFuzzTarget.allCases)
    func mutationsAreReadOrRefused(_ target: ReaderFuzzTarget) throws {
        let seeds = try Self.corpus(target).map(\.bytes)
        var mutator = Mutator(SeededRandom())
        let end = Date().addingTimeInterval(LongTests.seconds)
        var refused = 0
        var round = 0
        while round < 500 || Date() < end {
            round += 1
            do { try target.read(mutator.mutate(mutator.pick(seeds), with: seeds)) } catch { refused += 1 }
        }
        // Damage that no reader notices would mean that nothing is checked.
        #expect(refused > round / 20, "\(refused) of \(round) refused")
    }
}
