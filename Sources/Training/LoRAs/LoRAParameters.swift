import Adapters
import Measuring
import Models
import Processes
import Tensors

/// A LoRA in training: A [rank, in] and B [out, rank] of every targeted projection in f32, their gradients and AdamW's two moments, each in
/// one run of memory. Owned by one thread; products on it run on the pool.
package final class LoRAParameters {
    /// One projection's place.
    package struct Entry {
        package let layer: Int
        package let module: ProjectionModule
        package let inputs: Int
        package let outputs: Int
        /// Where A begins; B follows it.
        let offset: Int
        /// Whether the optimiser changes it. Where it does not, its gradient is not computed.
        package fileprivate(set) var trains = true
        /// Whether B has an element that is not zero: where it trains or acts, the forward pass computes it.
        package fileprivate(set) var acts = false
        func count(_ rank: Int) -> Int { (inputs + outputs) * rank }
    }

    package let rank: Int
    package let alpha: Double
    /// What the modules are called.
    let names: WeightTable
    package var scale: Float { Float(alpha / Double(rank)) }
    /// By layer, then in the order of `ProjectionModule.allCases`.
    package private(set) var entries: [Entry] = []
    private var places: [Int?]
    package let count: Int
    let values: AlignedBuffer<Float>
    let gradients: AlignedBuffer<Float>
    let first: AlignedBuffer<Float>
    let second: AlignedBuffer<Float>

    /// A as PEFT starts it, uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5); B zero.
    package init(shape: ModelShape, rank: Int, alpha: Double, modules: [ProjectionModule], seed: UInt64) {
        self.rank = rank
        self.alpha = alpha
        names = (shape.architecture ?? .llama).weights
        places = Array(repeating: nil, count: shape.layers * ProjectionModule.allCases.count)
        var offset = 0
        for layer in 0..<shape.layers {
            for (index, module) in ProjectionModule.allCases.enumerated() where modules.contains(module) {
                let entry = Entry(
                    layer: layer, module: module, inputs: shape.inputs(module), outputs: shape.outputs(module), offset: offset)
                places[layer * ProjectionModule.allCases.count + index] = entries.count
                entries.append(entry)
                offset += entry.count(rank)
            }
        }
        count = offset
        values = AlignedBuffer(count: offset)
        gradients = AlignedBuffer(count: offset)
        first = AlignedBuffer(count: offset)
        second = AlignedBuffer(count: offset)
        for (index, entry) in entries.enumerated() {
            let bound = 1 / Float(entry.inputs).squareRoot()
            TrainedNumbers.fillUniformly(
                values.pointer + entry.offset, count: rank * entry.inputs, key: KeyedRandom.key(seed, .parameters, index), bound: bound)
        }
    }

    /// Floats of memory per parameter: value, gradient, two moments.
    package static let copies = 4

    /// The entry of a projection, nil where it is not targeted.
    func index(layer: Int, module: Int) -> Int? { places[layer * ProjectionModule.allCases.count + module] }

    package func a(_ entry: Entry) -> MatrixView { view(values, entry.offset, rank, entry.inputs) }
    package func b(_ entry: Entry) -> MatrixView { view(values, entry.offset + rank * entry.inputs, entry.outputs, rank) }
    package func gradientA(_ entry: Entry) -> MatrixView { view(gradients, entry.offset, rank, entry.inputs) }
    package func gradientB(_ entry: Entry) -> MatrixView { view(gradients, entry.offset + rank * entry.inputs, entry.outputs, rank) }

    private func view(_ buffer: borrowing AlignedBuffer<Float>, _ offset: Int, _ rows: Int, _ columns: Int) -> MatrixView {
        MatrixView(pointer: buffer.pointer + offset, rows: rows, columns: columns)
    }

    /// Says which projections train, and finds out which ones act. Call it after filling in values.
    package func choose(_ trains: (Entry) -> Bool) {
        for index in entries.indices {
            entries[index].trains = trains(entries[index])
            let b = b(entries[index])
            entries[index].acts = TrainedNumbers.sumOfSquares(b.pointer, count: b.rows * b.columns) != 0
        }
    }

    package var trainedCount: Int { entries.reduce(0) { $0 + ($1.trains ? $1.count(rank) : 0) } }

    package func clearGradients() { gradients.pointer.update(repeating: 0, count: count) }

    /// Adds up the gradients of all processes.
    package func sumGradients(over group: ProcessGroup) {
        let trained = entries.filter(\.trains)
        guard let first = trained.first, let last = trained.last else { return }
        group.sum(gradients.pointer + first.offset, count: last.offset + last.count(rank) - first.offset)
    }

    /// The norm of all gradients of what trains.
    package func gradientNorm(pool: WorkerPool) -> Double {
        var sums = [Double](repeating: 0, count: entries.count)
        sums.withUnsafeMutableBufferPointer { sums in
            pool.parallel(entries.count) { index in
                let entry = entries[index]
                guard entry.trains else { return }
                sums[index] = TrainedNumbers.sumOfSquares(gradients.pointer + entry.offset, count: entry.count(rank))
            }
        }
        return sums.reduce(0, +).squareRoot()
    }
}
