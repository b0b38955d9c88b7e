import AdapterRegistry
import Foundation
import RandomModels
import Tensors
import Workbench

/// A random model in f32 with adapters of every kind, opened.
final class World {
    private var checkpoint: RandomCheckpoint
    let bench: Workbench
    var folder: URL { checkpoint.folder }

    init(seed: UInt64, weights: WeightFormat = .f32) throws {
        var checkpoint = try RandomCheckpoint(seed: seed)
        let model = try checkpoint.bundle()
        try checkpoint.lora(
            "lora-upper", rank: 4, modules: ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"], from: 1)
        try checkpoint.lora("dora", rank: 5, modules: ["q_proj", "down_proj"], dora: true)
        try checkpoint.sae("sae", hookpoints: ["layers.0", "layers.1"])
        try checkpoint.sae("sae-mlp", hookpoints: ["layers.2.mlp"])
        try checkpoint.steering("vectors", hookpoints: ["layers.0.mlp", "layers.1"])
        var settings = Workbench.Settings()
        (settings.weights, settings.threads) = (weights, 2)
        bench = try Workbench(model: model.path, settings)
        self.checkpoint = checkpoint
    }

    deinit { checkpoint.remove() }

    func place(_ name: String) -> AdapterFolder {
        AdapterFolder(folder: folder.appendingPathComponent("adapters/\(name)", isDirectory: true), name: name)
    }

    func adapters() throws -> AdapterRegistry { try bench.registry(folder: folder.path + "/adapters", store: nil) }

    func write(_ text: String, _ name: String) throws -> String {
        let file = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    static let text = "The ferry left the harbour a little after six; nobody counted, but wait: 12 * 7 = 84 lamps were burning."
}
