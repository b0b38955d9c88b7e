import Checkpoints
import Foundation
import JSONText

/// A control: a LoRA of random directions whose update of every module has the Frobenius norm of another LoRA's. What it does to a model is
/// what any change of that size does.
package enum RandomLoRA {
    private static let weights = "adapter_model.safetensors"
    private static let config = "adapter_config.json"
    /// Says what the folder was made from.
    private static let origin = "random_control.json"

    /// Writes the PEFT folder `folder`, or leaves it when it is there and was made from the same files with the same seed.
    /// - Parameters:
    ///   - source: a PEFT folder.
    ///   - name: of the source, for errors.
    /// - Throws: `EvaluationError.unusableControl`, or `.cannotWrite`; no half-written folder stays.
    package static func write(like source: URL, name: String, to folder: URL, seed: UInt64) throws(EvaluationError) {
        let file: SafetensorsFile
        let config: Data
        let digest: String
        do {
            file = try SafetensorsFile(path: source.appending(path: weights).path)
            config = try Data(contentsOf: source.appending(path: Self.config))
            digest = try file.files.map { try $0.bytes(0..<$0.count).withUnsafeBytes { ContentDigest(bytes: $0).description } }.joined()
        } catch {
            throw .unusableControl(adapter: name, reason: "\(source.path) is no PEFT folder that can be read: \(error)")
        }
        let origin: JSON = ["random_control_of": .string(name), "digest": .string(digest), "seed": .string("\(seed)")]
        if FileManager.default.fileExists(atPath: folder.path) {
            let known = (try? Data(contentsOf: folder.appending(path: Self.origin))).flatMap { try? JSON(parsing: $0) }
            if known?["digest"] == origin["digest"], known?["seed"] == origin["seed"] { return }
            throw .unusableControl(adapter: name, reason: "\(folder.path) is there already and was not made from it with seed \(seed)")
        }
        let tensors = try tensors(file, name: name, seed: seed)
        let parent = folder.deletingLastPathComponent()
        let draft = parent.appending(path: ".\(folder.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)")
        do {
            try FileManager.default.createDirectory(at: draft, withIntermediateDirectories: true)
            try config.write(to: draft.appending(path: Self.config))
            try Data(JSONWriter.bytes(origin)).write(to: draft.appending(path: Self.origin))
            try write(tensors, to: draft.appending(path: weights).path)
            try FileManager.default.moveItem(at: draft, to: folder)
        } catch {
            try? FileManager.default.removeItem(at: draft)
            if let error = error as? EvaluationError { throw error }
            throw .cannotWrite(path: folder.path, reason: (error as NSError).localizedDescription)
        }
    }

    private struct Tensor {
        let name: String
        let shape: [Int]
        let values: [Float]
    }

    private static func write(_ tensors: [Tensor], to path: String) throws(EvaluationError) {
        let writer = try TensorFileWriter<EvaluationError>(
            path: path, entries: tensors.map { .init(name: $0.name, type: .f32, shape: $0.shape) }, metadata: [("format", "pt")])
        for tensor in tensors { try writer.write(tensor.values) }
        try writer.commit()
    }

    private static func tensors(
        _ file: SafetensorsFile, name: String, seed: UInt64
    ) throws(EvaluationError) -> [Tensor] {
        var tensors: [Tensor] = []
        let suffix = ".lora_A.weight"
        let modules = file.tensorNames.filter { $0.hasSuffix(suffix) }.sorted()
        guard !modules.isEmpty, modules.count * 2 == file.tensorNames.count else {
            throw .unusableControl(adapter: name, reason: "its tensors are not pairs of lora_A.weight and lora_B.weight")
        }
        var normal = NormalNumbers(seed: seed)
        for nameA in modules {
            let nameB = String(nameA.dropLast(suffix.count)) + ".lora_B.weight"
            guard let a = file.info(nameA), let b = file.info(nameB), a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1]
            else {
                throw .unusableControl(adapter: name, reason: "\(nameA) has no lora_B.weight of matching shape")
            }
            let (rank, inputs, outputs) = (a.shape[0], a.shape[1], b.shape[0])
            let values: (a: [Float], b: [Float])
            do {
                values = (try file.floats(nameA), try file.floats(nameB))
            } catch {
                throw .unusableControl(adapter: name, reason: "\(error)")
            }
            let wanted = norm(values.a, values.b, rank: rank, inputs: inputs, outputs: outputs)
            guard wanted.isFinite else { throw .unusableControl(adapter: name, reason: "\(nameA) holds values that are no numbers") }
            let randomA = normal.next(count: rank * inputs, scale: 1 / Double(inputs).squareRoot())
            var randomB = normal.next(count: outputs * rank, scale: 1)
            let drawn = norm(randomA, randomB, rank: rank, inputs: inputs, outputs: outputs)
            let factor = drawn > 0 ? Float(wanted / drawn) : 0
            for index in randomB.indices { randomB[index] *= factor }
            tensors.append(Tensor(name: nameA, shape: a.shape, values: randomA))
            tensors.append(Tensor(name: nameB, shape: b.shape, values: randomB))
        }
        return tensors
    }

    /// `|B A|`, Frobenius, from the two Gram matrices: `|B A|^2 = sum_ij (B^T B)_ij (A A^T)_ij`.
    /// - Parameters: `a` is `[rank, inputs]`, `b` is `[outputs, rank]`, row by row.
    static func norm(_ a: [Float], _ b: [Float], rank: Int, inputs: Int, outputs: Int) -> Double {
        var sum = 0.0
        for i in 0..<rank {
            for j in 0...i {
                var (gramA, gramB) = (0.0, 0.0)
                for k in 0..<inputs { gramA += Double(a[i * inputs + k]) * Double(a[j * inputs + k]) }
                for k in 0..<outputs { gramB += Double(b[k * rank + i]) * Double(b[k * rank + j]) }
                sum += (i == j ? 1 : 2) * gramA * gramB
            }
        }
        return max(0, sum).squareRoot()
    }
}
