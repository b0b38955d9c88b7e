import Adapters
import Foundation
import Tensors
import TestRandomness
import Testing

@Suite struct InterventionTests {
    private let pool = WorkerPool(threads: 2)
    private let seed = SeededRandom.seed()

    private func hidden(rows: Int) -> Matrix {
        var generator = SeededRandom(seed: seed)
        return Matrix(rows: rows, columns: smallShape.hiddenSize, using: &generator)
    }

    private func copy(_ matrix: Matrix) -> Matrix { Matrix(matrix.values, columns: matrix.columns) }

    /// The activations of all selected latents of every row.
    private func activations(_ sae: SparseAutoencoder, _ x: Matrix) -> [[Int: Float]] {
        let workspace = Workspace()
        let latents = sae.encode(x.view, pool: pool, workspace: workspace)
        return (0..<x.rows).map { row in
            var result: [Int: Float] = [:]
            for slot in 0..<latents.k where latents.activations(row: row)[slot] > 0 {
                result[Int(latents.indices(row: row)[slot])] = latents.activations(row: row)[slot]
            }
            return result
        }
    }

    private func decoderRow(_ sae: SparseAutoencoder, _ latent: Int) -> [Float] {
        let matrix = Matrix([Float](repeating: 0, count: sae.width), columns: sae.width)
        sae.copyDecoderRow(latent, into: matrix.view.pointer)
        return matrix.values
    }

    private func run(_ intervention: Intervention, _ h: Matrix, input: Matrix? = nil, rows: [RowContext]? = nil) {
        intervention.apply(
            to: h.view, input: input?.view, rows: rows ?? .sequence(h.rows), observations: nil, pool: pool, workspace: Workspace())
    }

    @Test(arguments: FloatFormat.allCases) func editsKeepTheErrorTerm(format: FloatFormat) throws {
        let sae = try SmallAdapters.sae(format: format)
        let before = hidden(rows: 20)
        let selected = activations(sae, before)
        let common = try #require(selected[0].keys.min())
        let rare = try #require((0..<sae.latents).first { selected[0][$0] == nil })
        let cases: [(LatentEdit, (Float) -> Float)] = [
            (LatentEdit(latent: common, op: .set, value: 2.5), { _ in 2.5 }),
            (LatentEdit(latent: common, op: .add, value: -1.25), { $0 - 1.25 }),
            (LatentEdit(latent: common, op: .scale, value: 3), { $0 * 3 }),
            (LatentEdit(latent: common, op: .ablate), { _ in 0 }),
            (LatentEdit(latent: common, op: .clamp, value: 0.1), { min($0, 0.1) }),
            (LatentEdit(latent: common, op: .clamp, value: 1000), { $0 }),
            (LatentEdit(latent: rare, op: .set, value: 0.75), { _ in 0.75 }),
            (LatentEdit(latent: rare, op: .add, value: 4), { $0 + 4 }),
            (LatentEdit(latent: rare, op: .scale, value: 4), { $0 * 4 }),
        ]
        for (edit, operation) in cases {
            for strength: Float in [1, -0.5] {
                let h = copy(before)
                run(try Intervention(sae: sae, mode: .edit, edits: [edit], strength: strength), h)
                let direction = decoderRow(sae, edit.latent)
                for row in 0..<h.rows {
                    let a = selected[row][edit.latent] ?? 0
                    let change = strength * (operation(a) - a)
                    let wanted = zip(before.row(row), direction).map { $0 + change * $1 }
                    #expect(relativeError(h.row(row), wanted) < 1e-6, "\(edit) in row \(row), \(format)")
                    if change == 0 { #expect(h.row(row) == before.row(row), "\(edit) leaves row \(row) bit for bit") }
                }
            }
        }
    }

    /// Rows that somebody observes are encoded, others are not: the same bits.
    @Test(arguments: FloatFormat.allCases) func additionsNeedNoLatents(format: FloatFormat) throws {
        let sae = try SmallAdapters.sae(format: format)
        let before = hidden(rows: 12)
        let edits = [
            LatentEdit(latent: 5, op: .add, value: 2.3), LatentEdit(latent: 40, op: .add, value: -0.7),
            LatentEdit(latent: 5, op: .add, value: 0.11),
        ]
        let (plain, observed) = (copy(before), copy(before))
        run(try Intervention(sae: sae, mode: .edit, edits: edits, strength: 0.9), plain)
        let sink = ObservationSink()
        sink.begin(rows: observed.rows)
        for row in 0..<observed.rows { sink.want(row: row) }
        try Intervention(sae: sae, mode: .edit, edits: edits, strength: 0.9, top: 3).apply(
            to: observed.view, input: nil, rows: [RowContext].sequence(observed.rows), observations: sink, pool: pool,
            workspace: Workspace())
        #expect(plain.values == observed.values)
        #expect(plain.values != before.values)
        #expect(sink.readings(row: 3).first?.latents.isEmpty == false)
    }

    @Test func editsOfOneLatentFollowEachOtherAndOthersAreIndependent() throws {
        let sae = try SmallAdapters.sae()
        let before = hidden(rows: 3)
        let edits = [
            LatentEdit(latent: 5, op: .set, value: 2), LatentEdit(latent: 9, op: .add, value: 1),
            LatentEdit(latent: 5, op: .scale, value: 3), LatentEdit(latent: 5, op: .clamp, value: 5),
        ]
        let h = copy(before)
        run(try Intervention(sae: sae, mode: .edit, edits: edits), h)
        let selected = activations(sae, before)
        for row in 0..<h.rows {
            let change5 = 5 - (selected[row][5] ?? 0)
            var wanted = zip(before.row(row), decoderRow(sae, 5)).map { $0 + change5 * $1 }
            wanted = zip(wanted, decoderRow(sae, 9)).map { $0 + $1 }
            #expect(relativeError(h.row(row), wanted) < 1e-6)
        }
    }

    @Test func scopesChooseRows() throws {
        let sae = try SmallAdapters.sae()
        let edits = [LatentEdit(latent: 3, op: .add, value: 10)]
        let cases: [(InterventionScope, [Int])] = [
            (.all, Array(0..<10)), (.prompt, [0, 1, 2]), (.generated, Array(3..<10)), (.window(2..<5), [0, 1, 2]),
            (.window(4..<5), [2]), (.window(20..<30), []),
        ]
        for mode in [InterventionMode.edit, .splice] {
            for (scope, touched) in cases {
                let before = hidden(rows: 10)
                let h = copy(before)
                let intervention = try Intervention(sae: sae, mode: mode, edits: mode == .edit ? edits : [], scope: scope)
                run(intervention, h, rows: [RowContext].sequence(10, from: 2, promptLength: 5))
                let changed = (0..<10).filter { h.row($0) != before.row($0) }
                #expect(changed == touched, "\(mode) with scope \(scope)")
            }
        }
    }

    @Test func observingChangesNothingAndReportsTheStrongest() throws {
        let sae = try SmallAdapters.sae()
        let before = hidden(rows: 6)
        let h = copy(before)
        let sink = ObservationSink()
        sink.begin(rows: 9)
        for row in [2, 4, 8] { sink.want(row: row) }
        let rows = (0..<6).map { RowContext(position: Int32($0), promptLength: 0, row: Int32($0 + 3)) }
        let observe = try Intervention(sae: sae, mode: .observe, top: 3)
        observe.apply(to: h.view, input: nil, rows: rows, observations: sink, pool: pool, workspace: Workspace())
        #expect(h.values == before.values)
        let selected = activations(sae, before)
        for row in 0..<9 {
            guard row == 4 || row == 8 else {
                #expect(sink.readings(row: row).isEmpty, "row \(row) was not asked for or is not in the segment")
                continue
            }
            let wanted = selected[row - 3].sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3)
            let reading = try #require(sink.readings(row: row).first)
            #expect(sink.readings(row: row).count == 1)
            #expect(reading.adapter == "sae" && reading.hookpoint == .residual(layer: 2) && reading.fvu == nil)
            #expect(reading.latents.map(\.latent) == wanted.map(\.key))
            #expect(reading.latents.map(\.activation) == wanted.map(\.value))
        }
        sink.begin(rows: 9)
        #expect(sink.readings(row: 4).isEmpty, "a new step forgets the last one")
    }

    @Test func splicesAndEditsReportWhenAsked() throws {
        let sae = try SmallAdapters.sae()
        let before = hidden(rows: 1)
        let sink = ObservationSink()
        sink.begin(rows: 1)
        sink.want(row: 0)
        let rows: [RowContext] = .sequence(1)
        let h = copy(before)
        let edit = try Intervention(sae: sae, mode: .edit, edits: [LatentEdit(latent: 1, op: .set, value: 50)], top: 2)
        let splice = try Intervention(sae: sae, mode: .splice, top: 1)
        let silent = try Intervention(sae: sae, mode: .splice)
        for intervention in [edit, splice, silent] {
            intervention.apply(to: h.view, input: nil, rows: rows, observations: sink, pool: pool, workspace: Workspace())
        }
        let readings = sink.readings(row: 0)
        #expect(readings.count == 2)
        #expect(readings[0].latents.count == 2 && readings[0].fvu == nil)
        #expect(readings[0].latents[0].latent == activations(sae, before)[0].max { $0.value < $1.value }?.key, "as it was before the edit")
        let fvu = try #require(readings[1].fvu)
        #expect(fvu > 0 && fvu < 100)
    }

    @Test func topIsCappedByWhatIsSelected() throws {
        #expect(try Intervention(sae: SmallAdapters.sae(), mode: .observe, top: 1000).top == SmallAdapters.sae.k)
    }

    @Test func whatAnSAECannotDoIsRefused() throws {
        let sae = try SmallAdapters.sae()
        let add = LatentEdit(latent: 0, op: .add, value: 1)
        func refusal(
            _ mode: InterventionMode, _ edits: [LatentEdit] = [], strength: Float = 1, top: Int = 1
        ) throws -> AdapterError {
            try #require(throws: AdapterError.self) {
                try Intervention(sae: sae, mode: mode, edits: edits, strength: strength, top: top)
            }
        }
        #expect(try refusal(.edit, [LatentEdit(latent: 64, op: .ablate)]) == .latentOutOfRange(adapter: "sae", latent: 64, latents: 64))
        #expect(try refusal(.edit, [LatentEdit(latent: -1, op: .ablate)]) == .latentOutOfRange(adapter: "sae", latent: -1, latents: 64))
        #expect(try refusal(.edit, [LatentEdit(latent: 1, op: .set, value: .nan)]).parameter == "value")
        #expect(try refusal(.edit, [LatentEdit(latent: 1, op: .add, value: .infinity)]).parameter == "value")
        #expect(try refusal(.edit, [LatentEdit(latent: 1, op: .ablate, value: 2)]).parameter == "value")
        #expect(try refusal(.edit, [LatentEdit(latent: 1, op: .clamp, value: -2)]).parameter == "value")
        #expect(try refusal(.edit).parameter == "edits")
        #expect(try refusal(.observe, [add]).parameter == "edits")
        #expect(try refusal(.splice, [add]).parameter == "edits")
        #expect(try refusal(.edit, [add], strength: .nan).parameter == "scale")
        #expect(try refusal(.splice, strength: 0.5).parameter == "scale")
        #expect(try refusal(.observe, top: 0).parameter == "top")
        #expect(try refusal(.edit, [add], top: -1).parameter == "top")
        #expect(try refusal(.edit, Array(repeating: add, count: 257)).parameter == "edits")
    }
}
