import ArgumentParser
import Checkpoints
import Foundation
import Models
import Tensors
import Terminal
import Workbench

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
        try Limits.check([("--packed-cache-limit", packedCacheLimit, 0...)])
        try Limits.check([("--threads", threads, 1...1024)])
        try CompanionOptions.check(packedCache != "off", "a --packed-cache that is not off", packedCacheLimitGiven)
    }

    /// Each option, and whether it was given.
    var given: [(name: String, isGiven: Bool)] {
        [
            ("--weights", weights != .int8), ("--adapter-weights", adapterWeights != nil), ("--kv", kv != nil),
            ("--threads", threads != nil),
            ("--packed-cache", packedCache != nil),
        ] + packedCacheLimitGiven
    }

    private var packedCacheLimitGiven: [(name: String, isGiven: Bool)] {
        [("--packed-cache-limit", packedCacheLimit != PackedCache.Settings.standard().limitBytes)]
    }

    /// For verbs that read weights from the checkpoint alone where everything is f32.
    func refusePackedCache() throws {
        try CompanionOptions.check(
            false, "--weights other than f32, or another --kv",
            [("--packed-cache", packedCache != nil && packedCache != "off")] + packedCacheLimitGiven)
    }

    /// For verbs that hold no LoRAs.
    func refuseAdapterWeights() throws {
        if adapterWeights != nil { throw ValidationError("--adapter-weights says how LoRAs are held, and this holds none") }
    }

    var settings: Workbench.Settings {
        var settings = Workbench.Settings()
        (settings.weights, settings.adapterWeights, settings.kv, settings.threads) = (weights, adapterWeights, kv, threads)
        settings.cache = cache
        return settings
    }

    private var cache: PackedCache? {
        if packedCache == "off" { return nil }
        var settings = PackedCache.Settings.standard()
        if let packedCache { settings.folder = URL(fileURLWithPath: packedCache, isDirectory: true) }
        settings.limitBytes = packedCacheLimit
        return PackedCache(settings) { Console.note("resa: \($0)\n") }
    }

    /// The settings for contexts of so many positions; nil for all that the model was trained for.
    func settings(serving context: Int?) -> Workbench.Settings {
        var settings = settings
        settings.context = context
        return settings
    }

    /// Opens what the verb works on.
    func open(_ source: ModelOptions, serving context: Int? = nil) throws -> Workbench {
        try Workbench(model: source.model, settings(serving: context), watcher: TerminalWatcher())
    }
}

extension WeightFormat: ExpressibleByArgument {}
extension KVFormat: ExpressibleByArgument {}
extension AdapterFormat: ExpressibleByArgument {}
