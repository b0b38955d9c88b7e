// Workbench: what is opened around a model for a piece of work: its files and tokenizer, the threads that compute, the packed weights, its chat
// template, a registry of adapters, an engine. Each is opened once, when first asked for.
// It knows no options, prints nothing, and does none of the work itself.

import AdapterRegistry
import Adapters
import Checkpoints
import Engine
import Foundation
import Models
import Tensors

/// A model with everything that work on it needs. Owned by one thread.
package final class Workbench {
    /// How it computes.
    package struct Settings: Sendable {
        package var weights = WeightFormat.int8
        /// Nil for what goes with the weights.
        package var adapterWeights: AdapterFormat?
        /// Nil for what goes with the weights.
        package var kv: KVFormat?
        /// Nil for one per processor.
        package var threads: Int?
        /// Positions that will be served, by which some models choose their rotary frequencies; nil for all they were trained for.
        package var context: Int?
        /// Where packed weights are kept between starts; nil to keep nothing.
        package var cache: PackedCache?

        package init() {}

        package var adapterFormat: AdapterFormat { adapterWeights ?? weights.adapterFormat }
        package var kvFormat: KVFormat { kv ?? KVFormat(for: weights) }
    }

    package let bundle: ModelBundle
    package let settings: Settings
    package let watcher: any WorkWatcher
    private var openPool: WorkerPool?
    private var openModel: (any LanguageModel)?

    private init(
        _ bundle: ModelBundle, _ settings: Settings, _ watcher: any WorkWatcher, pool: WorkerPool? = nil, model: (any LanguageModel)? = nil
    ) {
        (self.bundle, self.settings, self.watcher, openPool, openModel) = (bundle, settings, watcher, pool, model)
    }

    /// Opens the model's files and its tokenizer; threads and weights wait until they are asked for.
    /// - Parameter pool: threads there are already.
    /// - Throws: `CheckpointError` for unreadable or mismatched files, `TokenizerError` for the tokenizer's.
    package convenience init(
        model path: String, _ settings: Settings = Settings(), pool: WorkerPool? = nil, watcher: any WorkWatcher = Unwatched()
    ) throws {
        self.init(try ModelBundle.open(path: path), settings, watcher, pool: pool)
    }

    /// Opens all of it at once: the weights are read while another thread reads the tokenizer.
    /// - Parameter first: what can be told before the weights are read.
    /// - Throws: `CheckpointError`, `TokenizerError`, and what `first` throws.
    package static func load<First>(
        model path: String, _ settings: Settings, watcher: any WorkWatcher = Unwatched(), first: (ModelWeights) throws -> First
    ) throws -> (bench: Workbench, first: First) {
        let pool = settings.makePool()
        let (bundle, (found, model)) = try ModelBundle.open(path: path) { weights in
            let found = try first(weights)
            return (found, try settings.load(weights, pool: pool, watcher: watcher))
        }
        return (Workbench(bundle, settings, watcher, pool: pool, model: model), found)
    }

    package var pool: WorkerPool {
        if let openPool { return openPool }
        let pool = settings.makePool()
        openPool = pool
        return pool
    }

    /// The model, its weights packed or taken packed from the cache.
    package func model() throws -> any LanguageModel {
        if let openModel { return openModel }
        let model = try settings.load(bundle.weights, pool: pool, watcher: watcher)
        openModel = model
        return model
    }

    /// The model in another format than that of the settings; nobody keeps it.
    package func model(in format: WeightFormat) throws -> any LanguageModel {
        try bundle.weights.load(format: format, context: settings.context, pool: pool)
    }

    /// SHA-256 of the weights' files, written as adapters' digests are. The packed cache knows it of files that it has met.
    package func digest() throws -> String {
        let files = bundle.checkpoint.tensors.files
        return "sha256:\(try settings.cache?.digest(of: files, pool: pool) ?? ContentDigest(of: files, pool: pool))"
    }

    /// What tells answers of these weights, held in this format, from others'.
    /// - Parameter digest: of the weights.
    package func fingerprint(of digest: String) -> String {
        "fp_\(digest.dropFirst("sha256:".count).prefix(16))_\(settings.weights.rawValue)"
    }
}

extension Workbench.Settings {
    package func makePool() -> WorkerPool { WorkerPool(threads: threads ?? MachineProbe.processors) }

    func load(_ weights: ModelWeights, pool: WorkerPool, watcher: any WorkWatcher) throws -> any LanguageModel {
        try watcher.watch("resa: loading \(weights.name)") { report in
            try weights.load(format: self.weights, context: context, cache: cache, pool: pool, progress: report)
        }
    }

    /// A registry for a model.
    /// - Parameters:
    ///   - attached: folders by names of their own, wherever they lie.
    ///   - baseName: which no adapter may have.
    /// - Throws: `AdapterRegistryError` when the folder or the store cannot be read.
    package func registry(
        for model: ModelWeights, folder: String? = nil, store: AdapterStore? = nil, attached: [String: URL] = [:], baseName: String,
        settleSeconds: Double = 0
    ) throws(AdapterRegistryError) -> AdapterRegistry {
        try AdapterRegistry(
            folder: folder.map { URL(fileURLWithPath: $0, isDirectory: true) }, store: store, attached: attached, shape: model.config.shape,
            format: weights, adapterFormat: adapterWeights, base: model.projections, baseName: baseName, settleSeconds: settleSeconds)
    }
}

extension Workbench {
    /// The adapters of a folder, and of the store where one is given.
    /// - Throws: `AdapterRegistryError` when they cannot be listed.
    package func registry(folder: String?, store: AdapterStore?) throws(AdapterRegistryError) -> AdapterRegistry {
        try settings.registry(for: bundle.weights, folder: folder, store: store, baseName: bundle.name)
    }

    /// What a selection makes of one adapter's folder, wherever it lies: its neighbours need not be read.
    /// - Throws: `AdapterError`.
    package func load(_ selection: AdapterSelection, from folder: URL) async throws -> AdapterSet {
        try await settings.registry(for: bundle.weights, attached: [selection.name: folder], baseName: "").resolve([selection])
    }
}

extension Workbench {
    /// For `batch` sequences of `context` tokens at once.
    /// - Parameter kvTokens: tokens of all sequences in the KV cache; nil for what they can need, at most half of the memory that is free.
    package func engineSettings(context: Int, batch: Int, kvTokens: Int?) -> EngineSettings {
        let affordable = MachineProbe.memoryAvailable / 2 / bundle.config.kvBytesPerToken(settings.kvFormat)
        var limits = EngineSettings(contextLength: context, kvTokens: kvTokens ?? max(context, min(batch * context, affordable)))
        limits.maxBatch = batch
        limits.kvFormat = settings.kvFormat
        return limits
    }

    package func engine(_ limits: EngineSettings) throws -> Engine {
        Engine(model: try model(), tokenizer: bundle.tokenizer, settings: limits, pool: pool)
    }
}
