import Adapters
import Foundation
import Tensors

/// Reads adapters one at a time on a thread of its own: neither the engine nor the tasks that serve requests wait for the disk.
final class AdapterLoader: Sendable {
    let scanner: AdapterScanner
    private let format: AdapterFormat
    private let queue = DispatchQueue(label: "resa.adapters", qos: .utility)
    /// Packs on the queue's thread. The engine's pool is the engine's alone.
    private let pool = WorkerPool(threads: 1)

    init(scanner: AdapterScanner, format: AdapterFormat) {
        self.scanner = scanner
        self.format = format
    }

    func load(_ entry: AdapterEntry, hookpoint: HookPoint?) async -> Result<LoadedAdapter, AdapterError> {
        await run { [self] in
            do throws(AdapterError) {
                let loaded = try read(entry, hookpoint: hookpoint)
                // The digest was taken before; it must be that of what was read.
                guard !entry.isStale else {
                    throw .badFile(adapter: entry.summary.name, file: ".", problem: "its files changed while they were read; try again")
                }
                return .success(loaded)
            } catch {
                return .failure(error)
            }
        }
    }

    private func read(_ entry: AdapterEntry, hookpoint: HookPoint?) throws(AdapterError) -> LoadedAdapter {
        let name = entry.summary.name
        let digest = entry.summary.digest ?? ""
        guard let shape = scanner.shape else {
            throw .badFile(adapter: name, file: ".", problem: "it cannot be loaded without a model")
        }
        guard let hookpoint else { return try readWhole(entry, shape) }
        guard let place = entry.places[hookpoint] else {
            throw .noSuchHookpoint(adapter: name, wanted: hookpoint.description, has: entry.summary.hookpoints)
        }
        let layout = try place.open(in: entry.folder, name: name, shape: shape)
        return .sae(try layout.load(digest: digest, format: format.floats, pool: pool))
    }

    /// Kinds that are loaded in one piece.
    private func readWhole(_ entry: AdapterEntry, _ shape: ModelShape) throws(AdapterError) -> LoadedAdapter {
        let (name, digest) = (entry.summary.name, entry.summary.digest ?? "")
        switch entry.format {
        case .peft:
            return .lora(
                try LoRAAdapter.load(folder: entry.folder, name: name, digest: digest, shape: shape, format: format, pool: pool))
        case .steering: return .vector(try SteeringLayout(folder: entry.folder, name: name, shape: shape).load(digest: digest))
        case .gguf(let file):
            switch try GGUFAdapter(folder: entry.folder, file: file, name: name, shape: shape) {
            case .lora(let layout): return .lora(try layout.load(digest: digest, format: format, pool: pool))
            case .steering(let layout): return .vector(try layout.load(digest: digest))
            }
        case .sae: throw .hookpointNeeded(adapter: name, has: entry.summary.hookpoints)
        case .none: throw .badFile(adapter: name, file: ".", problem: "it is of no known kind")
        }
    }

    /// Runs one piece of work after the other, off the tasks' threads.
    func run<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
