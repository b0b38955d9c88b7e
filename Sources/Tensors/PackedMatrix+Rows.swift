import Kernels

extension PackedMatrix {
    /// Packs W from all of its rows in f32 (row-major, stride `inputs`), rounded to the format, on the calling thread: for many small
    /// matrices, each of which would be too little work to share out.
    package convenience init(
        _ rows: UnsafePointer<Float>, format: FloatFormat, outputs: Int, inputs: Int, storage: WeightStorage
    ) {
        switch format {
        case .f32: storage.pointer.copyMemory(from: rows, byteCount: outputs * inputs * MemoryLayout<Float>.stride)
        case .bf16:
            let packed = storage.pointer.assumingMemoryBound(to: UInt16.self)
            for start in stride(from: 0, to: outputs, by: Self.fillRows) {
                resa_pack_panel(outputs, inputs, start, min(Self.fillRows, outputs - start), rows + start * inputs, packed)
            }
        }
        self.init(format: MatrixFormat(format), outputs: outputs, inputs: inputs, storage: storage)
    }
}
