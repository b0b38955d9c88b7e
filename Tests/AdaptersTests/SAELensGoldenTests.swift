import Adapters
import Checkpoints
import Foundation
import JSONText
import Tensors
import Testing

/// SAEs in the formats of SAELens and Gemma Scope 2 against its formulas in f64 (Tests/Reference/goldens_saelens.py).
@Suite struct SAELensGoldenTests {
    /// One SAE and what is to come out of it.
    struct Case {
        let name: String
        let sae: SparseAutoencoder
        let input: Matrix
        let target: Matrix
        let activations: Matrix
        let output: Matrix
        let edited: Matrix
        /// Set to 1.25, raised by 0.75, ablated.
        let latents: [Int]

        init(_ root: URL, _ name: String, width: Int, latents: Int, format: FloatFormat) throws {
            let folder = root.appendingPathComponent(name)
            let shape = ModelShape(layers: 3, hiddenSize: width, queryWidth: 8, keyValueWidth: 8, ffnSize: 8, vocabSize: 8)
            self.name = name
            let contents = Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
            let place = SAEPlace(folder: name, format: try #require(SAEPlace.format(of: contents, folderName: name)))
            sae = try place.open(in: root, name: name, shape: shape).load(digest: "d", format: format, pool: WorkerPool(threads: 1))
            let expected = try SafetensorsFile(path: folder.appendingPathComponent("expected.safetensors").path)
            input = Matrix(try expected.floats("input"), columns: width)
            target = Matrix(try expected.floats("target"), columns: width)
            activations = Matrix(try expected.floats("activations"), columns: latents)
            output = Matrix(try expected.floats("output"), columns: width)
            edited = Matrix(try expected.floats("edited"), columns: width)
            self.latents = try expected.floats("latents").map { Int($0) }
        }
    }

    private func forEachCase(_ format: FloatFormat, _ body: (Case, JSON) throws -> Void) throws {
        let path = try #require(ProcessInfo.processInfo.environment["RESA_GOLDENS"], "set RESA_GOLDENS (Tests/Reference/make_goldens.py)")
        let root = URL(fileURLWithPath: path).appendingPathComponent("saelens")
        let list = try JSON(file: root.appendingPathComponent("cases.json").path)
        let cases = try list.object("cases")
        #expect(cases.count >= 30)
        for (name, facts) in cases.sorted(by: { $0.key < $1.key }) {
            try body(Case(root, name, width: try list.int("width"), latents: try facts.int("latents"), format: format), facts)
        }
    }

    @Test func configsAreUnderstood() throws {
        try forEachCase(.f32) { golden, facts in
            let (hookpoint, transcode) = (try facts.string("hookpoint"), try facts.bool("transcode"))
            #expect(golden.sae.hookpoint.description == hookpoint && golden.sae.transcode == transcode, "\(golden.name)")
            #expect(golden.sae.skip == golden.name.contains("skip"), "\(golden.name)")
            let architecture = try facts.string("architecture")
            #expect(golden.sae.activation.hasFixedCount == (architecture == "topk"), "\(golden.name)")
        }
    }

    @Test(arguments: FloatFormat.allCases) func encodeAndDecode(format: FloatFormat) throws {
        let tolerance: Float = format == .f32 ? 1e-5 : 3e-2
        try forEachCase(format) { golden, _ in
            for pool in poolsOfAllTiers() {
                let workspace = Workspace()
                let sae = golden.sae
                let found = sae.encode(golden.input.view, pool: pool, workspace: workspace)
                let output = workspace.matrix(golden.input.rows, sae.width)
                sae.decode(found, input: golden.input.view, into: output, pool: pool, workspace: workspace)
                var (agreeing, rows) = (0, 0)
                for row in 0..<golden.input.rows {
                    let label = "\(golden.name) row \(row), \(format), \(pool.instructionSet)"
                    var dense = [Float](repeating: 0, count: sae.latents)
                    for slot in 0..<found.count(row: row) where found.activations(row: row)[slot] > 0 {
                        dense[Int(found.indices(row: row)[slot])] = found.activations(row: row)[slot]
                    }
                    for latent in [0, sae.latents / 2, sae.latents - 1] {
                        #expect(found.activation(row: row, latent: Int32(latent)) == dense[latent], "\(label)")
                    }
                    rows += 1
                    let wanted = golden.activations.row(row)
                    let agree = zip(dense, wanted).allSatisfy { ($0 > 0) == ($1 > 0) }
                    #expect(agree || format == .bf16, "latents of \(label)")
                    guard agree else { continue }
                    agreeing += 1
                    #expect(relativeError(dense, wanted) < tolerance, "activations of \(label)")
                    let reconstruction = UnsafeBufferPointer(start: output.row(row), count: sae.width)
                    #expect(relativeError(reconstruction, golden.output.row(row)) < tolerance, "reconstruction of \(label)")
                }
                // Rounded weights move a few latents over their thresholds.
                #expect(agreeing * 3 > rows, "\(golden.name), \(format): latents agree in \(agreeing) of \(rows) rows")
            }
        }
    }

    @Test func spliceAndEdit() throws {
        let pool = WorkerPool(threads: 2)
        try forEachCase(.f32) { golden, _ in
            let sae = golden.sae
            let rows = [RowContext].sequence(golden.input.rows)
            func run(_ intervention: Intervention) -> [Float] {
                let hidden = Matrix(golden.target.values, columns: sae.width)
                intervention.apply(
                    to: hidden.view, input: golden.input.view, rows: rows, observations: nil, pool: pool, workspace: Workspace())
                return hidden.values
            }
            #expect(relativeError(run(try Intervention(sae: sae, mode: .splice)), golden.output.values) < 1e-5, "\(golden.name)")
            let (set, raised, ablated) = (golden.latents[0], golden.latents[1], golden.latents[2])
            let edits = [
                LatentEdit(latent: set, op: .set, value: 1.25), LatentEdit(latent: raised, op: .add, value: 0.75),
                LatentEdit(latent: ablated, op: .ablate),
            ]
            let edited = run(try Intervention(sae: sae, mode: .edit, edits: edits, strength: 0.5))
            #expect(relativeError(edited, golden.edited.values) < 1e-5, "\(golden.name)")
            #expect(relativeError(edited, golden.target.values) > 1e-3, "\(golden.name): the edit changes something")

            // `add` alone needs no latents; what it adds is the same as when they are known.
            let add = [LatentEdit(latent: raised, op: .add, value: 0.75)]
            let unseen = run(try Intervention(sae: sae, mode: .edit, edits: add))
            let seen = run(try Intervention(sae: sae, mode: .edit, edits: add + [LatentEdit(latent: set, op: .scale, value: 1)]))
            #expect(unseen == seen, "\(golden.name)")
        }
    }

    @Test func readingsAreTheStrongestLatentsAndASplicesFVU() throws {
        let pool = WorkerPool(threads: 1)
        try forEachCase(.f32) { golden, _ in
            let rows = [RowContext].sequence(golden.input.rows)
            let sink = ObservationSink()
            sink.begin(rows: rows.count)
            for row in rows.indices { sink.want(row: row) }
            let hidden = Matrix(golden.target.values, columns: golden.sae.width)
            try Intervention(sae: golden.sae, mode: .splice, top: 4).apply(
                to: hidden.view, input: golden.input.view, rows: rows, observations: sink, pool: pool, workspace: Workspace())
            for row in rows.indices {
                let reading = try #require(sink.readings(row: row).first)
                let wanted = golden.activations.row(row).enumerated().filter { $0.element > 0 }
                    .sorted { $0.element > $1.element }.prefix(4).map(\.offset)
                #expect(reading.latents.map(\.latent) == wanted, "\(golden.name) row \(row)")
                let fvu = try #require(reading.fvu)
                let lost = zip(golden.target.row(row), golden.output.row(row)).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                #expect(fvu.isFinite && fvu > 0 && lost > 0)
            }
        }
    }

    @Test func aRowIsTheSameAloneAndAmongOthers() throws {
        for format in FloatFormat.allCases {
            try forEachCase(format) { golden, _ in
                let splice = try Intervention(sae: golden.sae, mode: .splice)
                func run(_ range: Range<Int>, threads: Int) -> [Float] {
                    let hidden = Matrix(golden.target.values, columns: golden.sae.width)
                    splice.apply(
                        to: hidden.view.rows(range), input: golden.input.view.rows(range), rows: [RowContext].sequence(range.count),
                        observations: nil, pool: WorkerPool(threads: threads), workspace: Workspace())
                    return Array(hidden.values[range.lowerBound * golden.sae.width..<range.upperBound * golden.sae.width])
                }
                let together = run(0..<golden.input.rows, threads: 3)
                let alone = (0..<golden.input.rows).flatMap { run($0..<$0 + 1, threads: 1) }
                #expect(together.map(\.bitPattern) == alone.map(\.bitPattern), "\(golden.name), \(format)")
            }
        }
    }
}
