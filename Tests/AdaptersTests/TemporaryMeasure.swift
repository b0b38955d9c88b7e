import Foundation
import Tensors
import Testing

@testable import Adapters

@Suite struct TemporaryMeasure {
    @Test(.enabled(if: ProcessInfo.processInfo.environment["RESA_MEASURE"] != nil))
    func load() throws {
        let shape = ModelShape(layers: 28, hiddenSize: 1536, queryWidth: 1536, keyValueWidth: 256, ffnSize: 8960, vocabSize: 50)

        for (threads, place) in [(1, "resid-lora"), (2, "resid-lora"), (1, "resid-lora-bf16"), (2, "resid-lora-bf16")] {
            let folder = URL(fileURLWithPath: "/tmp/w/\(place)")
            let pool = WorkerPool(threads: threads)
            for _ in 0..<6 {
                let start = ContinuousClock.now
                let layout = try LoRALayout(folder: folder, name: "x", shape: shape)
                let parsed = ContinuousClock.now
                let adapter = try layout.load(digest: "d", format: .bf16, pool: pool)
                let end = ContinuousClock.now
                print("MEASURE \(place) threads \(threads): header \(parsed - start), load \(end - parsed), \(adapter.byteCount) bytes")
            }
        }
    }
}
