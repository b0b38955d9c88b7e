import Checkpoints
import Foundation
import JSONText
import Tensors

/// The state of a run between two steps, in one file. Going on from it gives the bits that going on without interruption would have given:
/// orders, dropout and rates follow from the seed and the step.
struct TrainingCheckpoint {
    static let file = "checkpoint.safetensors"

    /// - Parameter steps: done.
    static func write(_ step: any TrainingStep, after steps: Int, to folder: OutputFolder) throws(TrainingError) {
        let state = step.state
        let entries = state.map { tensor in
            let isFloat = if case .f32 = tensor.values { true } else { false }
            return TensorFileWriter.Entry(name: tensor.name, type: isFloat ? .f32 : .i64, shape: tensor.shape)
        }
        let writer = try TensorFileWriter(
            path: folder.file(file), entries: entries,
            metadata: [("resa", type(of: step).kind), ("step", String(steps)), ("run", JSONWriter.text(.object(step.facts)))])
        for tensor in state {
            switch tensor.values {
            case .f32(let values): try writer.write(values, count: tensor.count)
            case .i64(let values):
                let stored = (0..<tensor.count).map { values[$0].littleEndian }
                let result = stored.withUnsafeBytes { bytes in Result { () throws(TrainingError) in try writer.write(bytes) } }
                try result.get()
            }
        }
        try writer.commit()
    }

    /// Fills the state.
    /// - Returns: the steps done.
    /// - Throws: `TrainingError.wrongCheckpoint` naming the first fact or tensor that differs, `CheckpointError` for a damaged file.
    static func read(into step: any TrainingStep, from folder: OutputFolder) throws -> Int {
        let file = try SafetensorsFile(path: folder.file(file))
        func require(_ holds: Bool, _ what: String, _ got: String, _ wanted: String) throws {
            if !holds { throw TrainingError.wrongCheckpoint(file: file.path, what: what, got: got, wanted: wanted) }
        }
        let kind = file.metadata["resa"] ?? "missing"
        try require(kind == type(of: step).kind, "the kind of run", kind, type(of: step).kind)
        let steps = file.metadata["step"].flatMap(Int.init) ?? 0
        try require(
            (1...step.order.steps).contains(steps), "the number of steps", file.metadata["step"] ?? "missing", "1 to \(step.order.steps)")
        let facts = file.metadata["run"].flatMap { try? JSON(parsing: $0).object } ?? [:]
        if let difference = step.facts.firstDifference(from: facts) {
            try require(false, difference.name, difference.theirs, difference.own)
        }
        for tensor in step.state {
            let found = file.info(tensor.name)
            let got = found.map { "\($0.type.rawValue) \($0.shape)" } ?? "missing"
            switch tensor.values {
            case .f32(let values):
                try require(found?.type == .f32 && found?.shape == tensor.shape, "tensor \(tensor.name)", got, "F32 \(tensor.shape)")
                try file.expand(tensor.name, rows: 0..<tensor.shape[0], into: values)
                let isFinite = RowOperations.sumOfSquares(values, count: tensor.count, on: .scalar).isFinite
                try require(isFinite, "tensor \(tensor.name)", "with infinite numbers or NaN", "finite numbers")
            case .i64(let values):
                try require(found?.type == .i64 && found?.shape == tensor.shape, "tensor \(tensor.name)", got, "I64 \(tensor.shape)")
                try file.storedBytes(tensor.name).withUnsafeBytes { bytes in
                    for index in 0..<tensor.count {
                        values[index] = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
                    }
                }
            }
        }
        return steps
    }
}
