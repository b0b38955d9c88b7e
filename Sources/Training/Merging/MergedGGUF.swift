import Adapters
import Checkpoints
import Foundation
import Models
import Tensors

/// Folds a LoRA into a GGUF file. Key-values and tensors that the adapter leaves alone are copied byte for byte; changed ones are computed in
/// f32 and stored as they were when that is a type of floats, else, as blocks would round the change away, in f16.
package struct MergedGGUF {
    private let base: GGUFFile
    private let config: ModelConfig
    private let lora: LoRAAdapter
    private let strength: Float
    private let pool: WorkerPool

    /// - Throws: `CheckpointError`, `AdapterError` for files that are malformed or do not fit.
    package init(model: String, adapter: String, strength: Float, pool: WorkerPool) throws {
        base = try GGUFFile(path: model)
        config = try ModelConfig.read(.gguf(base))
        let url = URL(fileURLWithPath: adapter)
        lora = try LoRAAdapter.load(
            folder: url, name: url.lastPathComponent, digest: "", shape: config.shape, format: .f32,
            base: try WeightReader(checkpoint: .gguf(base), config: config), pool: pool)
        self.strength = strength
        self.pool = pool
    }

    /// - Returns: how many matrices were changed.
    @discardableResult
    package func write(to path: String, progress: (Double) -> Void = { _ in }) throws -> Int {
        guard access(path, F_OK) != 0 else { throw TrainingError.badSetting(name: "--out", problem: "(\(path)) is there already") }
        let alignment = base.metadata["general.alignment"]?.intValue ?? 32
        func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
        let names = base.tensorNames
        var header = try base.files[0].bytes(0..<base.metadataRange.upperBound)
        var offset = 0
        for name in names {
            guard let info = base.info(name) else { continue }
            let type = outputType(info)
            header += bytes(UInt64(name.utf8.count)) + Array(name.utf8) + bytes(UInt32(info.shape.count))
            header += info.shape.reversed().flatMap { bytes(UInt64($0)) } + bytes(type.ggufNumber ?? 0) + bytes(UInt64(offset))
            offset = aligned(offset + byteCount(info, type))
        }
        let file = try DurableFile(path)
        try file.write(header + padding(aligned(header.count) - header.count))
        var changed = 0
        for (index, name) in names.enumerated() {
            guard let info = base.info(name) else { continue }
            let type = outputType(info)
            let folds = LoRAFold.folds(
                of: lora, strength: strength, in: name, rows: info.rows, columns: info.rowLength, config: config, inGGUF: true)
            if !folds.isEmpty {
                try folds.write(rows: info.rows, columns: info.rowLength, type: type, pool: pool) { rows, values in
                    try base.expand(name, rows: rows, into: values)
                } write: {
                    try file.write($0)
                }
                changed += 1
            } else {
                try base.copy(name) { try file.write($0) }
            }
            let count = byteCount(info, type)
            try file.write(padding(aligned(count) - count))
            progress(Double(index + 1) / Double(names.count))
        }
        try file.commit()
        return changed
    }

    private func padding(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    private func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    private func byteCount(_ info: TensorInfo, _ type: ElementType) -> Int {
        info.elementCount / type.block.elements * type.block.bytes
    }

    private func outputType(_ info: TensorInfo) -> ElementType {
        guard LoRAFold.changes(info.name, of: lora, strength: strength, config: config, inGGUF: true) else { return info.type }
        return [.f32, .f16, .bf16].contains(info.type) ? info.type : .f16
    }
}
