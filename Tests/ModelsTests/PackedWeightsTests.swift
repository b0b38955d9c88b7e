import Checkpoints
import Foundation
import Models
import Tensors
import TestSupport
import Testing

/// What is packed how, and that kept weights are the weights.
@Suite struct PackedWeightsTests {
    private let pool = WorkerPool(threads: 2)

    @Test func theRecipe() {
        func row(_ format: WeightFormat, inputs: Int) -> [String] {
            MatrixRole.allCases.filter { $0 != .embedding }.map { WeightRecipe.matrix(format, $0, inputs: inputs).description }
        }
        #expect(row(.f32, inputs: 64) == Array(repeating: "f32", count: 5))
        #expect(row(.bf16, inputs: 64) == Array(repeating: "bf16", count: 5))
        #expect(row(.int8, inputs: 1536) == Array(repeating: "int8 g128 rotated", count: 5))
        #expect(row(.int8, inputs: 576) == Array(repeating: "int8 g64 rotated", count: 5))
        #expect(row(.int4, inputs: 1536) == Array(repeating: "int4 g32 two-level", count: 5))
        #expect(WeightRecipe.embedding(.int8, stored: .f32) == .bf16)
        #expect(WeightRecipe.embedding(.f32, stored: .f32) == .f32)
        #expect(WeightRecipe.embedding(.int4, stored: .q6_K) == .q6_K)
    }

    private struct Choice {
        let wanted: WeightFormat
        let stored: [ElementExpansion]
        let format: String
        let repacked: [Bool]
    }

    /// The table of docs/checkpoints.md.
    @Test func whatBlocksBecome() {
        let all: [Choice] = [
            Choice(wanted: .int8, stored: [.q8_0], format: "int8 g32", repacked: [true]),
            Choice(wanted: .int8, stored: [.q5_0], format: "int8 g32", repacked: [true]),
            Choice(wanted: .int8, stored: [.q5_1], format: "int8 g32 with minima", repacked: [true]),
            Choice(wanted: .int8, stored: [.q5_K], format: "int8 g32 two-level", repacked: [true]),
            Choice(wanted: .int8, stored: [.q4_0], format: "int4 g32", repacked: [true]),
            Choice(wanted: .int8, stored: [.q4_1], format: "int4 g32 with minima", repacked: [true]),
            Choice(wanted: .int8, stored: [.q4_K], format: "int4 g32 two-level", repacked: [true]),
            Choice(wanted: .int8, stored: [.q6_K], format: "int8 g128 rotated", repacked: [false]),
            Choice(wanted: .int8, stored: [.bf16], format: "int8 g128 rotated", repacked: [false]),
            Choice(wanted: .int8, stored: [.q4_K, .q4_K, .q6_K], format: "int8 g32 two-level", repacked: [true, true, false]),
            Choice(wanted: .int4, stored: [.q4_K], format: "int4 g32 two-level", repacked: [true]),
            Choice(wanted: .int4, stored: [.q4_0, .q4_1], format: "int4 g32 with minima", repacked: [true, true]),
            Choice(wanted: .int4, stored: [.q8_0], format: "int4 g32 two-level", repacked: [false]),
            Choice(wanted: .int4, stored: [.q4_K, .q4_K, .q6_K], format: "int4 g32 two-level", repacked: [true, true, false]),
            Choice(wanted: .bf16, stored: [.q8_0], format: "bf16", repacked: [false]),
        ]
        for choice in all {
            let wanted = WeightRecipe.matrix(choice.wanted, .qkv, inputs: 1536)
            let (format, repacked) = WeightPlan.choose(wanted, stored: choice.stored)
            #expect(
                format.description == choice.format && repacked == choice.repacked, "\(choice.wanted) of \(choice.stored.map(\.rawValue))")
        }
    }

    private func open(_ path: String, _ format: WeightFormat) throws -> (plan: WeightPlan, weights: WeightReader) {
        let checkpoint = try Checkpoint.open(path: path)
        let config = try ModelConfig.read(checkpoint)
        let weights = try WeightReader(checkpoint: checkpoint, config: config)
        return (try WeightPlan(config: config, weights: weights, format: format), weights)
    }

    private func reference(_ name: String) throws -> String {
        try ReferenceAnswers.folder("checkpoints").appendingPathComponent(name).path
    }

    @Test(arguments: WeightFormat.allCases, ["llama", "llama.gguf"])
    func keptWeightsAreTheWeights(_ format: WeightFormat, _ name: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-packed-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let (plan, weights) = try open(try reference(name), format)
        func load(_ cache: PackedCache?) throws -> [UInt8] {
            let packed = try PackedWeights(plan: plan, weights: weights, cache: cache, pool: pool) { _ in }
            return Array(packed.region.bytes)
        }
        let cache = PackedCache(PackedCache.Settings(folder: folder))
        let fresh = try load(nil)
        #expect(try load(cache) == fresh)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".packed") }
        #expect(files.count == 1)
        #expect(try load(cache) == fresh)
        // Damage: made anew, as before.
        let file = folder.appendingPathComponent(try #require(files.first))
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: file)
        #expect(try load(cache) == fresh)
        #expect(try Data(contentsOf: file) != bytes)
    }

    /// Every element of every matrix is the stored one, as far as the plan says it is.
    @Test(arguments: [WeightFormat.int8, .int4]) func repackedMatricesReadAsStored(_ format: WeightFormat) throws {
        let path = try ReferenceAnswers.defaultModel().path
        let (plan, weights) = try open(path, format)
        let packed = try PackedWeights(plan: plan, weights: weights, cache: nil, pool: pool) { _ in }
        let sections = plan.sections.filter(\.isRepacked)
        #expect(sections.count > plan.sections.count / 2)
        for section in sections where section.name != "head" {
            let matrix = packed.matrix(section.name)
            var (got, wanted) = ([Float](repeating: 0, count: section.inputs), [Float](repeating: 0, count: section.inputs))
            var row = 0
            for part in section.parts {
                for index in 0..<part.outputs {
                    matrix.copyRow(row, into: &got)
                    try weights.read(part.place, rows: index..<index + 1, into: &wanted)
                    if got != wanted { Issue.record("\(section.name) row \(row)") }
                    row += 1
                }
            }
        }
    }
}
