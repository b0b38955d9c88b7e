import Tensors

/// One region of memory for all factors of a LoRA, in the order given: steps read it from front to back, in huge pages.
struct LoRAMemory {
    private let region: MemoryRegion
    private let places: [(format: MatrixFormat, range: Range<Int>)]

    /// - Parameter factors: the shapes, as `PackedMatrix` has them.
    init(_ factors: [(outputs: Int, inputs: Int)], format: AdapterFormat) {
        var byteCount = 0
        places = factors.map { shape in
            let own = format.factor(outputs: shape.outputs, inputs: shape.inputs)
            let bytes = own.byteCount(outputs: shape.outputs, inputs: shape.inputs)
            defer { byteCount = (byteCount + bytes + 63) / 64 * 64 }
            return (own, byteCount..<byteCount + bytes)
        }
        region = MemoryRegion(byteCount: byteCount)
    }

    func format(_ index: Int) -> MatrixFormat { places[index].format }
    func storage(_ index: Int) -> WeightStorage { WeightStorage(region: region, range: places[index].range) }
}
