import Adapters
import Foundation
import Tensors

/// Reads adapters one at a time on a thread of its own: neither the engine nor the tasks that serve requests wait for the disk.
final class AdapterLoader: Sendable {
    /// Threads that pack one adapter. More would take more from the engine at a time, for no longer.
    private static let threadLimit = 4

    private let shape: ModelShape?
    private let format: AdapterFormat
    private let base: (any BaseProjections)?
    private let thread = BackgroundThread("resa.load", threads: min(threadLimit, MachineProbe.processors))

    init(shape: ModelShape?, format: AdapterFormat, base: (any BaseProjections)?) {
        (self.shape, self.format, self.base) = (shape, format, base)
    }

    func load(_ entry: AdapterEntry, hookpoint: HookPoint?) async -> Result<LoadedAdapter, AdapterError> {
        await thread.run { [self] pool in
            Result { () throws(AdapterError) -> LoadedAdapter in
                try entry.within?.refuseLinksOut(of: entry.folder, adapter: entry.summary.name)
                let loaded = try read(entry, hookpoint: hookpoint, pool: pool)
                // The digest was taken before; it must be that of what was read.
                guard !entry.isStale else {
                    throw .badFile(adapter: entry.summary.name, file: ".", problem: "its files changed while they were read; try again")
                }
                try entry.within?.refuseLinksOut(of: entry.folder, adapter: entry.summary.name)
                return loaded
            }
        }
    }

    /// Lets go of adapters on the loader's thread.
    func dispose(_ adapters: [LoadedAdapter]) { thread.add { _ in withExtendedLifetime(adapters) {} } }

    private func read(_ entry: AdapterEntry, hookpoint: HookPoint?, pool: WorkerPool) throws(AdapterError) -> LoadedAdapter {
        let name = entry.summary.name
        let digest = entry.summary.digest ?? ""
        guard let shape else {
            throw .badFile(adapter: name, file: ".", problem: "it cannot be loaded without a model")
        }
        guard let hookpoint else { return try readWhole(entry, shape, pool) }
        guard let place = entry.places[hookpoint] else {
            throw .noSuchHookpoint(adapter: name, wanted: hookpoint.description, has: entry.summary.hookpoints)
        }
        let layout = try place.open(in: entry.folder, name: name, shape: shape)
        return .sae(try layout.load(digest: digest, format: format.floats, pool: pool))
    }

    /// Kinds that are loaded in one piece.
    private func readWhole(_ entry: AdapterEntry, _ shape: ModelShape, _ pool: WorkerPool) throws(AdapterError) -> LoadedAdapter {
        let (name, digest) = (entry.summary.name, entry.summary.digest ?? "")
        switch entry.format {
        case .peft:
            return .lora(
                try LoRAAdapter.load(
                    folder: entry.folder, name: name, digest: digest, shape: shape, format: format, base: base, pool: pool))
        case .steering: return .vector(try SteeringLayout(folder: entry.folder, name: name, shape: shape).load(digest: digest))
        case .gguf(let file):
            switch try GGUFAdapter(folder: entry.folder, file: file, name: name, shape: shape) {
            case .lora(let layout): return .lora(try layout.load(digest: digest, format: format, base: base, pool: pool))
            case .steering(let layout): return .vector(try layout.load(digest: digest))
            }
        case .sae: throw .hookpointNeeded(adapter: name, has: entry.summary.hookpoints)
        case .none: throw .badFile(adapter: name, file: ".", problem: "it is of no known kind")
        }
    }
}
