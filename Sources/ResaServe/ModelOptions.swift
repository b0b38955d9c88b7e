import ArgumentParser
import Checkpoints
import Foundation
import Models
import Tensors

/// Which model a verb works on.
struct ModelOptions: ParsableArguments {
    @Option(help: "A Hugging Face folder or a .gguf file.")
    var model: String
}

/// How a verb computes.
struct ComputeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Weights in memory: \(WeightFormat.allCases.map(\.rawValue).joined(separator: " or ")).", valueName: "format"))
    var weights = WeightFormat.int8

    @Option(
        help: ArgumentHelp(
            """
            LoRAs in memory: \(AdapterFormat.allCases.map(\.rawValue).joined(separator: ", ")); other adapters are bf16 with int8. \
            (default: int8 with int8 and int4 weights, else that of the weights)
            """, valueName: "format"))
    var adapterWeights: AdapterFormat?

    @Option(
        help: ArgumentHelp(
            "Keys and values in memory: \(KVFormat.allCases.map(\.rawValue).joined(separator: ", ")). (default: f32 with f32 weights, else bf16)",
            valueName: "format"))
    var kv: KVFormat?

    @Option(help: "Threads that compute. (default: one per processor)")
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Where packed weights are kept between starts; off to pack at every start. (default: packed in $RESA_CACHE, or in ~/.cache/resa)",
            valueName: "folder"))
    var packedCache: String?

    @Option(help: "Bytes that packed weights of all models may take there; those used longest ago are removed.")
    var packedCacheLimit = PackedCache.Settings.standard().limitBytes

    func validate() throws {
        if packedCacheLimit < 0 { throw ValidationError("--packed-cache-limit is \(packedCacheLimit), but must be 0 or more") }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), but must be from 1 to 1024") }
    }

    /// Each option, and whether it was given.
    var given: [(name: String, isGiven: Bool)] {
        [
            ("--weights", weights != .int8), ("--adapter-weights", adapterWeights != nil), ("--kv", kv != nil),
            ("--threads", threads != nil),
            ("--packed-cache", packedCache != nil),
            ("--packed-cache-limit", packedCacheLimit != PackedCache.Settings.standard().limitBytes),
        ]
    }

    /// For verbs that hold no LoRAs.
    func refuseAdapterWeights() throws {
        if adapterWeights != nil { throw ValidationError("--adapter-weights says how LoRAs are held, and this holds none") }
    }

    /// The chosen KV format, or the one that goes with the weights.
    var kvFormat: KVFormat { kv ?? KVFormat(for: weights) }

    /// Packs the model's weights, or takes them from the cache, and shows how far that is.
    func load(_ source: ModelWeights, pool: WorkerPool) throws -> any LanguageModel {
        let progress = ProgressReporter("resa: loading \(source.name)")
        defer { progress.finish() }
        return try source.load(format: weights, cache: cache, pool: pool) { progress.report($0) }
    }

    /// SHA-256 of the weights' files, written as adapters' digests are. The packed cache knows it of files that it has met.
    func digest(of source: ModelWeights, pool: WorkerPool) throws -> String {
        let files = source.checkpoint.tensors.files
        return "sha256:\(try cache?.digest(of: files, pool: pool) ?? ContentDigest(of: files, pool: pool))"
    }

    private var cache: PackedCache? {
        if packedCache == "off" { return nil }
        var settings = PackedCache.Settings.standard()
        if let packedCache { settings.folder = URL(fileURLWithPath: packedCache, isDirectory: true) }
        settings.limitBytes = packedCacheLimit
        return PackedCache(settings) { Console.note("resa: \($0)\n") }
    }

    func makePool() -> WorkerPool { WorkerPool(threads: threads ?? MachineProbe.processors) }
}

extension WeightFormat: ExpressibleByArgument {}
extension KVFormat: ExpressibleByArgument {}
extension AdapterFormat: ExpressibleByArgument {}
