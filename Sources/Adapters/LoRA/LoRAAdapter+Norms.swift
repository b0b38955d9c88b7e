import Tensors

extension LoRAUpdate {
    /// `|s B A|`, the Frobenius norm of what is added to the weights, without making the product: `|BA|^2 = sum_o b_o (A A^T) b_o^T`.
    /// - Complexity: O(rank^2 (in + out)).
    package func norm(on tier: InstructionSet, workspace: Workspace) -> Double {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let rows = workspace.matrix(rank, a.inputs)
        for row in 0..<rank { a.copyRow(row, into: rows.row(row)) }
        let gram = workspace.matrix(rank, rank)
        for row in 0..<rank {
            for column in 0...row {
                let product = RowOperations.dot(rows.row(row), rows.row(column), count: a.inputs, on: tier)
                gram[row, column] = product
                gram[column, row] = product
            }
        }
        let output = workspace.allocate(Float.self, b.inputs)
        var sum = 0.0
        for row in 0..<b.outputs {
            b.copyRow(row, into: output)
            for index in 0..<rank where output[index] != 0 {
                sum += Double(output[index]) * Double(RowOperations.dot(gram.row(index), output, count: rank, on: tier))
            }
        }
        return abs(Double(scale)) * max(sum, 0).squareRoot()
    }
}

extension LoRAUpdate {
    /// The Frobenius norm of the change of W: `|s B A|`, and with DoRA's magnitudes `|(f - 1) W + s (f B) A|`, for which W is read.
    /// - Throws: what reading W throws.
    package func norm(
        of base: any BaseProjections, layer: Int, module: ProjectionModule, pool: WorkerPool, workspace: Workspace
    ) throws -> Double {
        guard let magnitudes else { return norm(on: pool.instructionSet, workspace: workspace) }
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let (outputs, inputs) = (b.outputs, a.inputs)
        let (left, right) = (workspace.matrix(outputs, rank), workspace.matrix(rank, inputs))
        for row in 0..<outputs { b.copyRow(row, into: left.row(row)) }
        for row in 0..<rank { a.copyRow(row, into: right.row(row)) }
        let step = min(outputs, max(1, (1 << 18) / inputs))
        let block = AlignedBuffer<Float>(count: step * inputs)
        var sum = 0.0
        for start in stride(from: 0, to: outputs, by: step) {
            let rows = start..<min(start + step, outputs)
            let change = MatrixView(pointer: block.pointer, rows: rows.count, columns: inputs)
            try base.read(module, layer: layer, rows: rows, into: change.pointer)
            for (index, row) in rows.enumerated() {
                for column in 0..<inputs { change[index, column] *= magnitudes.gain.pointer[row] }
            }
            Product.run(left.rows(rows), times: right, into: change, scale: scale, add: true, pool: pool)
            for index in 0..<rows.count {
                sum += Double(RowOperations.sumOfSquares(change.row(index), count: inputs, on: pool.instructionSet))
            }
        }
        return sum.squareRoot()
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
