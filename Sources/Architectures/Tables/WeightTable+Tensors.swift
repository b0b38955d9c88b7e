extension WeightTable {
    /// A tensor that a checkpoint has to have.
    package struct Tensor: Sendable {
        package let name: String
        /// `[rows, columns]` as it is stored; `[rows]` for vectors.
        package let shape: [Int]
        /// What it holds, and where.
        package let parts: [(place: WeightPlace, rows: Int, order: StoredRowOrder)]
        package let isTransposed: Bool
        package let addsOne: Bool
    }

    /// Every tensor that a model of `config` has, in the order of the forward pass.
    package func tensors(_ config: ModelConfig, inGGUF: Bool) -> [Tensor] {
        var all: [Tensor] = []
        let shape = config.shape
        func add(_ row: Row, _ layer: Int?) {
            for isBias in row.bias.isPresent(config) ? [false, true] : [false] {
                all.append(tensor(row, layer: layer, isBias: isBias, shape: shape, inGGUF: inGGUF))
            }
        }
        let block = rows.indices.filter { rows[$0].isInBlock }
        for row in rows[..<(block.first ?? rows.endIndex)] { add(row, nil) }
        for layer in 0..<config.layers { for index in block { add(rows[index], layer) } }
        for row in rows[((block.last ?? -1) + 1)...] where !(row.roles == [.head] && config.tiedEmbeddings) { add(row, nil) }
        return all
    }

    private func tensor(_ row: Row, layer: Int?, isBias: Bool, shape: ModelShape, inGGUF: Bool) -> Tensor {
        let heights = row.outputs.map { shape[$0] }
        let height = heights.reduce(0, +)
        let parts = row.roles.indices.map { index in
            (
                place: WeightPlace(row.roles[index], layer: layer, isBias: isBias), rows: heights[index],
                order: row.order(index, heights, shape, inGGUF: inGGUF)
            )
        }
        let isTransposed = row.isTransposed && !inGGUF && !isBias
        let columns = isBias ? nil : row.inputs.map { shape[$0] }
        return Tensor(
            name: name(row, layer: layer, isBias: isBias, inGGUF: inGGUF),
            shape: columns.map { isTransposed ? [$0, height] : [height, $0] } ?? [height], parts: parts, isTransposed: isTransposed,
            addsOne: row.addsOne && !inGGUF && !isBias)
    }
}

extension WeightTable.Row {
    /// Where the rows of role number `index` lie.
    /// - Parameter heights: how many rows each role has.
    package func order(_ index: Int, _ heights: [Int], _ shape: ModelShape, inGGUF: Bool) -> StoredRowOrder {
        var order = StoredRowOrder()
        if sharing == .byHead, !inGGUF, roles.count > 1 {
            let heads = max(shape.keyValueWidth / max(shape.headDim, 1), 1)
            order.run = heights[index] / heads
            order.step = heights.reduce(0, +) / heads
            order.first = heights[..<index].reduce(0) { $0 + $1 / heads }
        } else {
            order.first = heights[..<index].reduce(0, +)
        }
        if inGGUF, isInterleavedInGGUF, roles[index] == .q || roles[index] == .k { order.interleavedHeadRows = shape.headDim }
        return order
    }
}

extension WeightTable.Row.Bias {
    /// Whether a model of `config` has it.
    package func isPresent(_ config: ModelConfig) -> Bool {
        switch self {
        case .never: false
        case .always: true
        case .ifQKV: config.qkvBias
        case .ifOutput: config.outputBias
        case .ifMLP: config.mlpBias
        }
    }
}
