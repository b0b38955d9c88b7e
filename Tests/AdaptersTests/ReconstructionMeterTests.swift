import Adapters
import Inspection
import Tensors
import TestRandomness
import Testing

/// What the meter counts, against the definitions written out in f64.
@Suite struct ReconstructionMeterTests {
    private static let seed: UInt64 = 11

    private func rows(_ count: Int, sequence: Int) -> [RowContext] {
        (0..<count).map { RowContext(position: Int32($0 % sequence), promptLength: Int32(sequence), row: Int32($0)) }
    }

    private func show(_ meter: ReconstructionMeter, _ output: Matrix, input: Matrix? = nil, sequence: Int) {
        let set = AdapterSet([], taps: [meter.tap])
        var contexts = rows(output.rows, sequence: sequence)
        for hookpoint in [HookPoint.residual(layer: 2), .mlp(layer: 2)] {
            for action in set.actions(at: hookpoint) {
                action.apply(
                    to: output.view, input: input?.view, rows: &contexts, observations: nil,
                    pool: WorkerPool(threads: 1), workspace: Workspace())
            }
        }
    }

    /// `sum |y - y'|^2 / sum |y - mean|^2` over some rows.
    private func fvu(_ y: Matrix, _ estimate: Matrix, _ rows: [Int]) -> Double {
        var (error, variance) = (0.0, 0.0)
        for column in 0..<y.columns {
            let values = rows.map { Double(y.view[$0, column]) }
            let mean = values.reduce(0, +) / Double(values.count)
            for (row, value) in zip(rows, values) {
                error += (value - Double(estimate.view[row, column])) * (value - Double(estimate.view[row, column]))
                variance += (value - mean) * (value - mean)
            }
        }
        return error / variance
    }

    @Test(arguments: [false, true]) func countsWhatTheDefinitionsSay(transcode: Bool) throws {
        let hookpoint = transcode ? "layers.2.mlp" : "layers.2"
        let sae = try SmallAdapters.sae(hookpoint: hookpoint, skip: transcode, transcode: transcode)
        var generator = SeededRandom(seed: Self.seed)
        let (count, sequence) = (70, 7)
        let output = Matrix(rows: count, columns: 24, using: &generator)
        for row in stride(from: 0, to: count, by: sequence) { for column in 0..<24 { output.view[row, column] += 40 } }
        let input = Matrix(rows: count, columns: 24, using: &generator)
        let before = output.values
        let meter = ReconstructionMeter(sae)
        show(meter, output, input: input, sequence: sequence)
        #expect(output.values == before, "a tap changes nothing")

        let (pool, workspace) = (WorkerPool(threads: 1), Workspace())
        let source = transcode ? input : output
        let latents = sae.encode(source.view, pool: pool, workspace: workspace)
        let estimate = Matrix([Float](repeating: 0, count: count * 24), columns: 24)
        sae.decode(latents, input: source.view, into: estimate.view, pool: pool, workspace: workspace)
        var (active, seen) = (0, Set<Int32>())
        for row in 0..<count {
            for slot in 0..<latents.count(row: row) where latents.activations(row: row)[slot] > 0 {
                active += 1
                seen.insert(latents.indices(row: row)[slot])
            }
        }
        #expect(meter.tokens == count && meter.latentsSeen == seen.count && active > 0)
        #expect(abs(meter.meanActive - Double(active) / Double(count)) < 1e-12)
        let later = (0..<count).filter { $0 % sequence > 0 }
        let (whole, rest) = (fvu(output, estimate, Array(0..<count)), fvu(output, estimate, later))
        #expect(abs(Double(try #require(meter.fvu)) - whole) < 1e-5 * whole)
        #expect(abs(Double(try #require(meter.fvuWithoutFirst)) - rest) < 1e-5 * rest)
        #expect(abs(whole - rest) > 0.01, "the first positions would be seen")
    }

    @Test func nothingReadIsNothingKnown() throws {
        let meter = ReconstructionMeter(try SmallAdapters.sae())
        #expect(meter.fvu == nil && meter.fvuWithoutFirst == nil && meter.meanActive == 0 && meter.latentsSeen == 0)
        // One sequence of one token: no variance.
        var generator = SeededRandom(seed: Self.seed)
        show(meter, Matrix(rows: 1, columns: 24, using: &generator), sequence: 1)
        #expect(meter.tokens == 1 && meter.fvu == nil && meter.fvuWithoutFirst == nil)
    }

    @Test func setsWithATapAreNoOthers() throws {
        let meter = ReconstructionMeter(try SmallAdapters.sae())
        let tapped = AdapterSet([], taps: [meter.tap])
        #expect(!tapped.isEmpty && AdapterSet.none.isEmpty && tapped.key != AdapterSet.none.key)
        #expect(tapped.key != AdapterSet([], taps: [meter.tap]).key)
        #expect(tapped.cacheKey == "" && tapped.sharedLayers == .max && tapped.report == [])
    }
}
