import Tensors
import TestRandomness
import Testing

/// Low-rank updates of segments, against sums in double and against themselves alone.
@Suite struct LowRankTests {
    /// A factor of random weights, and the weights it was made from.
    private struct Factor {
        let matrix: PackedMatrix
        let weights: [Float]

        init(_ format: AdapterFormat, outputs: Int, inputs: Int, _ random: inout SeededRandom, pool: WorkerPool) throws {
            weights = random.floats(outputs * inputs)
            matrix = try PackedMatrix(
                format.factor(outputs: outputs, inputs: inputs), outputs: outputs, inputs: inputs, weights: weights, pool: pool)
        }

        /// x W^T in double.
        func product(_ x: [Double]) -> [Double] {
            (0..<matrix.outputs).map { output in
                x.indices.reduce(0) { $0 + x[$1] * Double(weights[output * matrix.inputs + $1]) }
            }
        }

        /// The same with the squares of the weights.
        func squares(_ x: [Double]) -> [Double] {
            (0..<matrix.outputs).map { output in
                x.indices.reduce(0) { sum, input in
                    let weight = Double(weights[output * matrix.inputs + input])
                    return sum + x[input] * weight * weight
                }
            }
        }
    }

    private struct Update {
        let a: Factor
        let b: Factor
        let scale: Float
        let magnitudes: Magnitudes?

        var borrowed: LowRankUpdate {
            LowRankUpdate(
                a: a.matrix, b: b.matrix, scale: scale,
                magnitudes: magnitudes.map { (UnsafePointer($0.gain.pointer), UnsafePointer($0.bias.pointer), $0.strength) })
        }
    }

    /// `y += strength * gain * (y - bias)`
    private final class Magnitudes {
        let gain: AlignedBuffer<Float>
        let bias: AlignedBuffer<Float>
        let strength: Float

        init(outputs: Int, _ random: inout SeededRandom) {
            gain = AlignedBuffer(count: outputs)
            bias = AlignedBuffer(count: outputs)
            for (buffer, values) in [(gain.pointer, random.floats(outputs)), (bias.pointer, random.floats(outputs))] {
                for index in 0..<outputs { buffer[index] = values[index] / 2 }
            }
            strength = Float.random(in: -1...1, using: &random)
        }

        func apply(to y: Double, column: Int) -> Double {
            y + Double(strength) * Double(gain.pointer[column]) * (y - Double(bias.pointer[column]))
        }
    }

    /// Some rows of a product and what is added to them.
    private struct Piece {
        let rows: Range<Int>
        let column: Int
        let updates: [Update]
    }

    /// Two projections side by side, of `widths` columns.
    private struct World {
        let inputs: Int
        let widths: [Int]
        let pieces: [Piece]
        let rowCount: Int
        var columns: Int { widths.reduce(0, +) }

        init(inputs: Int, widths: [Int], formats: [AdapterFormat], _ random: inout SeededRandom, pool: WorkerPool) throws {
            (self.inputs, self.widths) = (inputs, widths)
            var pieces: [Piece] = []
            var row = 0
            for index in 0..<7 {
                // Rows of nobody come between; one segment is cut into several jobs.
                row += Int.random(in: 0...2, using: &random)
                let rows = row..<row + (index == 3 ? 117 : Int.random(in: 1...9, using: &random))
                row = rows.upperBound
                for (place, width) in widths.enumerated() where Bool.random(using: &random) || place == index % 2 {
                    let updates = try (0..<Int.random(in: 1...2, using: &random)).map { _ in
                        let rank = [1, 3, 8, 16, 17, 31, 32, 33, 64, 70].randomElement(using: &random)!
                        let format = formats.randomElement(using: &random)!
                        return Update(
                            a: try Factor(format, outputs: rank, inputs: inputs, &random, pool: pool),
                            b: try Factor(format, outputs: width, inputs: rank, &random, pool: pool),
                            scale: Float.random(in: -2...2, using: &random),
                            magnitudes: Bool.random(using: &random) ? Magnitudes(outputs: width, &random) : nil)
                    }
                    pieces.append(Piece(rows: rows, column: place == 0 ? 0 : widths[0], updates: updates))
                }
            }
            self.pieces = pieces
            rowCount = row + 2
        }

        /// The segments of those pieces that touch `rows`, counted from the first of these.
        func withSegments<T>(of rows: Range<Int>, _ body: (LowRankSegments) -> T) -> T {
            let touched = pieces.filter { $0.rows.overlaps(rows) }
            let updates = touched.map { piece in
                let borrowed = piece.updates.map(\.borrowed)
                let pointer = UnsafeMutablePointer<LowRankUpdate>.allocate(capacity: borrowed.count)
                pointer.initialize(from: borrowed, count: borrowed.count)
                return pointer
            }
            defer { for pointer in updates { pointer.deallocate() } }
            let segments = zip(touched, updates).map { piece, pointer in
                let own = piece.rows.clamped(to: rows)
                return LowRankSegment(
                    firstRow: own.lowerBound - rows.lowerBound, rows: own.count, column: piece.column, updates: pointer,
                    count: piece.updates.count)
            }
            return segments.withUnsafeBufferPointer(body)
        }
    }

    private static let bases: [MatrixFormat] = [
        .f32, .bf16, .quantised(.int8Group128Rotated), .quantised(.int8Group64Rotated), .quantised(.int4TwoLevel),
    ]
    private static let cases = AdapterFormat.allCases.flatMap { format in InstructionSet.available.map { (format, $0) } }

    /// What is added, against sums in double over the weights as they were given. The yardstick is the root of the sum of the squares of all
    /// products a x b, which errors of random sign are a fixed part of, whatever cancels. bf16 rounds A, x, A x and B to 8 bits, 2^-9 at most each;
    /// int8 quantises each of them in turned groups by at most 1/254 of the group's largest: 0.6 % of a normal deviation each, 1.2 % together.
    @Test(arguments: cases) func values(_ format: AdapterFormat, _ tier: InstructionSet) throws {
        var random = SeededRandom()
        let pool = WorkerPool(threads: 2, instructionSet: tier)
        let workspace = Workspace()
        let (rowBound, meanBound) = [AdapterFormat.f32: (2e-6, 5e-7), .bf16: (1e-2, 4e-3), .int8: (4e-2, 1.5e-2)][format]!
        for (inputs, widths) in [(256, [70, 129]), (199, [5, 64]), (64, [33, 200])] {
            let world = try World(inputs: inputs, widths: widths, formats: [format], &random, pool: pool)
            let (x, y) = (random.matrix(world.rowCount, inputs), Matrix(world.rowCount, world.columns))
            world.withSegments(of: 0..<world.rowCount) { $0.add(of: x.view, to: y.view, pool: pool, workspace: workspace) }
            #expect(y.guardsHold)
            var (errors, yardsticks) = (0.0, 0.0)
            for row in Set(world.pieces.flatMap { [$0.rows.lowerBound, $0.rows.upperBound - 1] } + [0, world.rowCount - 1]) {
                let values = (0..<inputs).map { Double(x.view[row, $0]) }
                var wanted = [Double](repeating: 0, count: world.columns)
                var yardstick = 0.0
                for piece in world.pieces where piece.rows.contains(row) {
                    for update in piece.updates {
                        if let magnitudes = update.magnitudes {
                            for column in 0..<update.b.matrix.outputs {
                                wanted[piece.column + column] = magnitudes.apply(to: wanted[piece.column + column], column: column)
                            }
                            // No gain times strength is above 1.
                            yardstick *= 4
                        }
                        for (column, value) in update.b.product(update.a.product(values)).enumerated() {
                            wanted[piece.column + column] += Double(update.scale) * value
                        }
                        let squares = update.b.squares(update.a.squares(values.map { $0 * $0 })).reduce(0, +)
                        yardstick += Double(update.scale * update.scale) * squares
                    }
                }
                var error = 0.0
                for column in 0..<world.columns {
                    let difference = Double(y.view[row, column]) - wanted[column]
                    error += difference * difference
                    // Where no update lies, nothing is added.
                    if wanted[column] == 0 { #expect(y.view[row, column] == 0) }
                }
                #expect(error <= yardstick * rowBound * rowBound, "row \(row), \(inputs) inputs: \((error / yardstick).squareRoot())")
                errors += error
                yardsticks += yardstick
            }
            #expect(
                yardsticks > 0 && errors <= yardsticks * meanBound * meanBound, "\(inputs) inputs: \((errors / yardsticks).squareRoot())")
        }
    }

    /// A row gets the same bits alone on one thread as in any mix on several, beside any kind of adapter, in products with any kind of base,
    /// with and without the fused activation; and rows that nothing is added to are the base's.
    @Test(arguments: bases, InstructionSet.available)
    func rowsAreIndependent(_ base: MatrixFormat, _ tier: InstructionSet) throws {
        var random = SeededRandom()
        let workspace = Workspace()
        let pools = [1, 2, 3, 5].map { WorkerPool(threads: $0, instructionSet: tier) }
        for (inputs, widths) in [(256, [70, 129]), (90, [40, 16])] {
            // All quantised factors of one product take one form of x, as the adapters of one server do.
            let world = try World(inputs: inputs, widths: widths, formats: AdapterFormat.allCases, &random, pool: pools[1])
            let matrix = try PackedMatrix(
                base, outputs: world.columns, inputs: inputs, weights: random.floats(world.columns * inputs), pool: pools[1])
            let (x, bias) = (random.matrix(world.rowCount, 2 * inputs, -3...3), random.floats(world.columns))
            for activation in [Activation?.none, .silu, .geluTanh] {
                let fused = activation != nil
                func result(_ rows: Range<Int>, _ pool: WorkerPool, plain: Bool = false) -> [Float] {
                    let y = Matrix(rows.count, world.columns)
                    world.withSegments(of: rows) { segments in
                        let segments = plain ? LowRankSegments.none : segments
                        let part = x.view.rows(rows)
                        if let activation {
                            // GELU stands for the layers that have no gate.
                            let input = activation == .silu ? part : part.columns(0..<inputs)
                            matrix.multiplyActivated(
                                input, activation, into: y.view, bias: bias, adding: segments, pool: pool, workspace: workspace)
                        } else {
                            matrix.multiply(
                                part.columns(0..<inputs), into: y.view, bias: bias, adding: segments, pool: pool, workspace: workspace)
                        }
                    }
                    #expect(y.guardsHold)
                    return y.elements
                }
                let alone = (0..<world.rowCount).flatMap { result($0..<$0 + 1, pools[0]) }
                let unchanged = result(0..<world.rowCount, pools[1], plain: true)
                for pool in pools { expectSameBits(result(0..<world.rowCount, pool), alone, "\(pool.threads) threads, fused \(fused)") }
                let start = Int.random(in: 0..<world.rowCount, using: &random)
                let some = start..<Int.random(in: start + 1...world.rowCount, using: &random)
                let columns = world.columns
                expectSameBits(
                    result(some, pools[2]), Array(alone[some.lowerBound * columns..<some.upperBound * columns]),
                    "rows \(some), fused \(fused)")
                var changed = 0
                for row in 0..<world.rowCount {
                    let own = alone[row * columns..<(row + 1) * columns], plain = unchanged[row * columns..<(row + 1) * columns]
                    let isAdapted = world.pieces.contains { $0.rows.contains(row) }
                    if isAdapted { changed += 1 }
                    #expect(own.elementsEqual(plain) == !isAdapted, "row \(row), fused \(fused)")
                }
                #expect(changed > 7)
            }
        }
    }

    /// int8 is chosen where it is smaller, and a LoRA of rank 32 takes little more than half of what it takes in bf16.
    @Test func int8IsChosenWhereItIsSmaller() {
        for (outputs, inputs) in [(32, 1536), (1536, 32), (8960, 32), (32, 8960), (4, 1536), (16, 1536), (1536, 8), (70, 100), (3, 5)] {
            let (int8, bf16) = (AdapterFormat.int8.factor(outputs: outputs, inputs: inputs), MatrixFormat.bf16)
            let bytes = int8.byteCount(outputs: outputs, inputs: inputs), wide = bf16.byteCount(outputs: outputs, inputs: inputs)
            #expect(bytes <= wide)
            if max(outputs, inputs) >= 1536, min(outputs, inputs) == 32 { #expect(Double(bytes) < 0.54 * Double(wide)) }
            if min(outputs, inputs) <= 16 { #expect(int8 == .bf16) }
        }
        #expect(AdapterFormat.bf16.factor(outputs: 32, inputs: 64) == .bf16 && AdapterFormat.f32.factor(outputs: 32, inputs: 64) == .f32)
    }

    @Test(arguments: AdapterFormat.allCases) func zerosAreKnown(_ format: AdapterFormat) throws {
        let pool = WorkerPool(threads: 1)
        let kind = format.factor(outputs: 100, inputs: 64)
        var weights = [Float](repeating: 0, count: 6400)
        let zero = try PackedMatrix(kind, outputs: 100, inputs: 64, weights: weights, pool: pool)
        weights[6399] = 1e-20
        let some = try PackedMatrix(kind, outputs: 100, inputs: 64, weights: weights, pool: pool)
        if case .quantised = kind {
            #expect(zero.hasOnlyZeroScales && !some.hasOnlyZeroScales)
        } else {
            #expect(!zero.hasOnlyZeroScales && !some.hasOnlyZeroScales)
        }
    }
}
