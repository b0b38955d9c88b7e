import Adapters
import Foundation
import Tensors
import TestRandomness
import Testing

/// Folders with flipped bits, cut and scrambled files either load or are refused with an `AdapterError`; whatever loads also runs.
/// `RESA_LONG_TESTS=SECONDS` makes it longer (under AddressSanitizer, say). Every run starts with a little of the seeds kept from long runs.
@Suite struct MutatedFilesTests {
    private let seed = SeededRandom.seed()
    private let pool = WorkerPool(threads: 1)
    private static let keptSeeds: [UInt64] = [774_404, 533_939]

    private static func mutate(_ data: Data, using generator: inout SeededRandom) -> Data {
        var bytes = [UInt8](data)
        // Where a format's structure is: most changes go to the first kilobyte.
        func place() -> Int {
            let limit = Bool.random(using: &generator) ? bytes.count : min(bytes.count, 700)
            return Int.random(in: 0..<max(limit, 1), using: &generator)
        }
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[place()] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place()] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.removeLast(Int.random(in: 0...min(bytes.count, 64), using: &generator))
            case 3: bytes.remove(at: place())
            case 4: bytes.insert(UInt8("0123456789-.e[]{}\",:".utf8.randomElement(using: &generator) ?? 48), at: place())
            default:
                let start = place()
                let length = min(Int.random(in: 1...24, using: &generator), bytes.count - start)
                bytes.insert(contentsOf: bytes[start..<start + length], at: place())
            }
        }
        return Data(bytes)
    }

    /// Loads what `load` makes of mutations of the folder's files until the time is up, and 300 at least.
    private func fuzz(_ files: [String], in folder: TemporaryFolder, load: () throws -> Void) throws {
        let originals = try files.map { try Data(contentsOf: folder.url.appendingPathComponent($0)) }
        var (loaded, refused) = (0, 0)
        func run(_ seed: UInt64, count: Int, until end: Date) throws {
            var generator = SeededRandom(seed: seed)
            var done = 0
            while done < count || Date() < end {
                let index = Int.random(in: 0..<files.count, using: &generator)
                try folder.write(Self.mutate(originals[index], using: &generator), to: files[index])
                do {
                    try load()
                    loaded += 1
                } catch is AdapterError {
                    refused += 1
                }
                try folder.write(originals[index], to: files[index])
                done += 1
            }
        }
        for seed in Self.keptSeeds { try run(seed, count: 50, until: .distantPast) }
        try run(seed, count: 300, until: Date().addingTimeInterval(LongTests.seconds))
        try load()
        print("\(loaded) loaded, \(refused) refused")
        #expect(refused > 0)
    }

    @Test func loras() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeLoRA(
            to: folder, modules: [(0, .q), (2, .down)], seed: 1,
            config: #"{"r": 3, "lora_alpha": 8, "target_modules": ".*(q_proj|down_proj)", "rank_pattern": {"x": 5}, "use_rslora": true}"#)
        let x = Matrix([Float](repeating: 1, count: 24), columns: 24)
        try fuzz(["adapter_config.json", "adapter_model.safetensors"], in: folder) {
            let lora = try SmallAdapters.loadLoRA(folder, format: .bf16, pool: pool)
            let y = Matrix([Float](repeating: 0, count: smallShape.queryWidth), columns: smallShape.queryWidth)
            lora.update(layer: 0, module: .q)?.apply(x: x.view, into: y.view, strength: 1, pool: pool, workspace: Workspace())
        }
    }

    @Test func saes() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeSAE(to: folder, at: "layers.2.mlp", seed: 1, skip: true, transcode: true)
        let x = Matrix([Float](repeating: 1, count: 48), columns: 24)
        try fuzz(["layers.2.mlp/cfg.json", "layers.2.mlp/sae.safetensors"], in: folder) {
            let sae = try SmallAdapters.load(folder, "layers.2.mlp", format: .bf16)
            let h = Matrix([Float](repeating: 1, count: 48), columns: 24)
            try Intervention(sae: sae, mode: .splice).apply(
                to: h.view, input: x.view, rows: [RowContext].sequence(2), observations: nil, pool: pool, workspace: Workspace())
        }
    }

    @Test func saelens() throws {
        let folder = try TemporaryFolder()
        try SmallAdapters.writeSAELens(to: folder, at: ".")
        let x = Matrix([Float](repeating: 1, count: 48), columns: 24)
        try fuzz(["cfg.json", "sae_weights.safetensors"], in: folder) {
            let sae = try SmallAdapters.loadSAELens(folder, format: .bf16)
            try Intervention(sae: sae, mode: .splice).apply(
                to: x.view, input: x.view, rows: [RowContext].sequence(2), observations: nil, pool: pool, workspace: Workspace())
        }
    }
}
