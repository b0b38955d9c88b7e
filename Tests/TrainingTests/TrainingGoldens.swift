import Adapters
import Checkpoints
import Foundation
import Models
import Tensors
import TestSupport

@testable import Training

/// What PyTorch and PEFT computed for one tiny model (`goldens_training.py`).
struct TrainingGoldens {
    static let models = ["qwen2", "llama-tied", "llama3-rope", "qwen3"]

    struct Cases: Decodable {
        struct Case: Decodable {
            var name: String
            var loss: Double
            var hookpoint: String?
            var mode: String?
            var direction: String
            var reduction: String
            var masked: Bool
        }
        var tokens: [Int32]
        var mask: [Bool]
        var cases: [Case]
    }

    struct Trajectory: Decodable {
        var losses: [Double]
        var norms: [Double]
        var rate: Double
        var decay: Double
        var reduction: String
        var warmup: Int
        var schedule: String
    }

    struct Trajectories: Decodable {
        var chunks: [[Int32]]
        var cut: Trajectory
        var through: Trajectory
    }

    let folder: URL
    let cases: Cases
    let trajectories: Trajectories
    let gradients: SafetensorsFile

    init(_ model: String) throws {
        folder = try ReferenceAnswers.folder("training").appendingPathComponent(model)
        cases = try ReferenceAnswers.decode(Cases.self, folder.appendingPathComponent("cases.json"))
        trajectories = try ReferenceAnswers.decode(Trajectories.self, folder.appendingPathComponent("trajectories.json"))
        gradients = try SafetensorsFile(path: folder.appendingPathComponent("gradients.safetensors").path)
    }

    func decoder(_ precision: TrainingPrecision = .f32, pool: WorkerPool) throws -> FrozenDecoder {
        let checkpoint = try Checkpoint.open(path: folder.appendingPathComponent("checkpoint").path)
        return try FrozenDecoder(checkpoint: checkpoint, config: try ModelConfig.read(checkpoint), precision: precision, pool: pool)
    }

    func lora(_ name: String, _ config: ModelConfig) throws -> LoRAParameters {
        let lora = LoRAParameters(shape: config.shape, rank: 4, alpha: 8, modules: ProjectionModule.allCases, seed: 1)
        try lora.read(folder: folder.appendingPathComponent(name))
        return lora
    }

    func splice(
        _ hookpoint: String?, _ mode: String?, _ config: ModelConfig, rows: Int, pool: WorkerPool
    ) throws -> (hookpoint: HookPoint, sae: SAESplice)? {
        guard let hookpoint, let point = HookPoint(hookpoint), let gradient = mode.flatMap(SAEGradient.init) else { return nil }
        let layout = try SparsifyLayout(
            folder: folder.appendingPathComponent("sae/\(hookpoint)"), name: "sae", hookpoint: point, shape: config.shape)
        return (point, try SAESplice(try layout.load(digest: "", format: .f32, pool: pool), gradient: gradient, rows: rows))
    }
}
