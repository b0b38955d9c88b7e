import Tensors

/// One region of memory for all factors of a LoRA, in the order given: steps read it from front to back, in huge pages.
struct LoRAMemory {
    /// What lies where.
    struct Plan {
        fileprivate let places: [(format: MatrixFormat, range: Range<Int>)]
        let byteCount: Int

        /// - Parameter factors: the shapes, as `PackedMatrix` has them.
        init(_ factors: [(outputs: Int, inputs: Int)], format: AdapterFormat) {
            var end = 0
            places = factors.map { shape in
                let own = format.factor(outputs: shape.outputs, inputs: shape.inputs)
                let bytes = own.byteCount(outputs: shape.outputs, inputs: shape.inputs)
                defer { end = (end + bytes + 63) / 64 * 64 }
                return (own, end..<end + bytes)
            }
            byteCount = end
        }
    }

    private let plan: Plan
    private let region: MemoryRegion

    init(_ plan: Plan) {
        self.plan = plan
        region = MemoryRegion(byteCount: plan.byteCount)
    }

    func format(_ index: Int) -> MatrixFormat { plan.places[index].format }
    func storage(_ index: Int) -> WeightStorage { WeightStorage(region: region, range: plan.places[index].range) }
}
