import Tensors

extension LoRAUpdate {
    /// `|s B A|`, the Frobenius norm of what is added to the weights, without making the product: `|BA|^2 = sum_o b_o (A A^T) b_o^T`.
    /// - Complexity: O(rank^2 (in + out)).
    package func norm(workspace: Workspace) -> Double {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let rows = workspace.matrix(rank, a.inputs)
        for row in 0..<rank { a.copyRow(row, into: rows.row(row)) }
        let gram = workspace.matrix(rank, rank)
        for row in 0..<rank {
            for column in 0...row {
                let product = RowOperations.dot(rows.row(row), rows.row(column), count: a.inputs)
                gram[row, column] = product
                gram[column, row] = product
            }
        }
        let output = workspace.allocate(Float.self, b.inputs)
        var sum = 0.0
        for row in 0..<b.outputs {
            b.copyRow(row, into: output)
            for index in 0..<rank where output[index] != 0 {
                sum += Double(output[index]) * Double(RowOperations.dot(gram.row(index), output, count: rank))
            }
        }
        return abs(Double(scale)) * max(sum, 0).squareRoot()
    }
}

extension LoRAAdapter {
    /// Every projection it names, layer by layer.
    package var updates: [(layer: Int, module: ProjectionModule, update: LoRAUpdate)] {
        (0..<layers).flatMap { layer in
            ProjectionModule.allCases.compactMap { module in update(layer: layer, module: module).map { (layer, module, $0) } }
        }
    }
}
