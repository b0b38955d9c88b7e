import Adapters
import Checkpoints
import Foundation
import Tensors
import Testing

/// SAEs written by PyPI `eai-sparsify`, against what it computes from them.
@Suite struct SparseAutoencoderGoldenTests {
    private struct Case {
        let name: String
        let sae: SparseAutoencoder
        let expected: SafetensorsFile
        let input: Matrix
        let target: Matrix

        init(_ goldens: Goldens, _ index: Int, format: FloatFormat, pool: WorkerPool) throws {
            let (name, hookpoint, transcode) = goldens.saes[index]
            let folder = goldens.folder.appendingPathComponent("sae").appendingPathComponent(name)
            self.name = name
            sae = try SparseAutoencoder.load(
                folder: folder.appendingPathComponent(hookpoint), name: name, digest: "d", hookpoint: #require(HookPoint(hookpoint)),
                shape: goldens.shape, format: format, pool: pool)
            #expect(sae.transcode == transcode)
            expected = try SafetensorsFile(path: folder.appendingPathComponent("expected.safetensors").path)
            input = Matrix(try expected.floats("input"), columns: goldens.shape.hiddenSize)
            target = Matrix(try expected.floats("target"), columns: goldens.shape.hiddenSize)
        }
    }

    @Test(arguments: FloatFormat.allCases) func encodeAndDecode(format: FloatFormat) throws {
        let goldens = try Goldens()
        #expect(goldens.saes.count >= 8)
        for index in goldens.saes.indices {
            for pool in poolsOfAllTiers() {
                let golden = try Case(goldens, index, format: format, pool: pool)
                let workspace = Workspace()
                let (rows, k) = (golden.input.rows, golden.sae.k)
                let latents = golden.sae.encode(golden.input.view, pool: pool, workspace: workspace)
                let output = workspace.matrix(rows, golden.sae.width)
                golden.sae.decode(latents, input: golden.input.view, into: output, pool: pool, workspace: workspace)

                let indices = try golden.expected.floats("indices")
                let activations = try golden.expected.floats("activations")
                let wanted = try golden.expected.floats("output")
                var agreeing = 0
                for row in 0..<rows {
                    // Slots whose activation is 0 may name any latent.
                    let place = row * k..<(row + 1) * k
                    let reference = zip(indices[place], activations[place]).filter { $0.1 > 0 }.map { (Int($0.0), $0.1) }
                    let own = (0..<k).map { (Int(latents.indices(row: row)[$0]), latents.activations(row: row)[$0]) }
                        .filter { $0.1 > 0 }.sorted { ($0.1, $1.0) > ($1.1, $0.0) }
                    guard Set(own.map(\.0)) == Set(reference.map(\.0)) else { continue }
                    agreeing += 1
                    let label = "\(golden.name) row \(row), \(format), \(pool.instructionSet)"
                    let tolerance: Float = format == .f32 ? 1e-5 : 2e-2
                    let sortedOwn = own.sorted { $0.0 < $1.0 }.map(\.1)
                    let sortedReference = reference.sorted { $0.0 < $1.0 }.map(\.1)
                    #expect(relativeError(sortedOwn, sortedReference) < tolerance, "activations of \(label)")
                    let slice = wanted[row * golden.sae.width..<(row + 1) * golden.sae.width]
                    let reconstruction = UnsafeBufferPointer(start: output.row(row), count: golden.sae.width)
                    #expect(relativeError(reconstruction, slice) < tolerance, "reconstruction of \(label)")
                }
                #expect(agreeing >= (format == .f32 ? rows : rows / 2), "\(golden.name), \(format): latents agree in \(agreeing) rows")
            }
        }
    }

    @Test func spliceReplacesTheActivationsAndFVUEqualsSparsify() throws {
        let goldens = try Goldens()
        let pool = WorkerPool(threads: 2)
        for index in goldens.saes.indices {
            let golden = try Case(goldens, index, format: .f32, pool: pool)
            let intervention = try Intervention(sae: golden.sae, mode: .splice)
            let hidden = Matrix(golden.target.values, columns: golden.sae.width)
            let fits = try #require(SpliceFits(AdapterSet([.sae(intervention)])))
            let rows = (0..<hidden.rows).map { RowContext(position: Int32($0), promptLength: 5, row: Int32($0), fits: fits.pointer) }
            intervention.apply(
                to: hidden.view, input: golden.input.view, rows: rows, observations: nil, pool: pool, workspace: Workspace())
            #expect(relativeError(hidden.values, try golden.expected.floats("output")) < 1e-5, "\(golden.name)")

            var fvu = FractionOfVarianceUnexplained(width: golden.sae.width)
            fvu.add(target: golden.target.view.rows(0..<7), reconstruction: hidden.view.rows(0..<7))
            fvu.add(target: golden.target.view.rows(7..<hidden.rows), reconstruction: hidden.view.rows(7..<hidden.rows))
            let wanted = try golden.expected.floats("fvu")[0]
            #expect(abs(try #require(fvu.value) - wanted) < 1e-4 * max(1, wanted), "\(golden.name)")

            // The same, as an answer's splice sums it up.
            let quality = fits.quality[0]
            #expect(quality.prompt.rows == 5 && quality.generated.rows == hidden.rows - 5)
            var total = quality.prompt
            total.add(quality.generated)
            #expect(abs(try #require(total.value) - wanted) < 1e-4 * max(1, wanted), "\(golden.name)")
        }
    }
}
