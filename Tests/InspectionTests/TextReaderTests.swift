import AdapterRegistry
import Adapters
import Inspection
import Models
import RandomModels
import Tensors
import Testing

/// Whole texts read in any cut, and what is kept of them.
@Suite struct TextReaderTests {
    private static let tokens = World.text.utf8.map { Int32($0) }

    private func bits(_ view: MatrixView) -> [[UInt32]] {
        (0..<view.rows).map { UnsafeBufferPointer(start: view.row($0), count: view.columns).map(\.bitPattern) }
    }

    @Test(arguments: [WeightFormat.f32, .int8]) func anyChunkGivesTheSameBits(format: WeightFormat) async throws {
        let world = try World(seed: 21, weights: format)
        let set = try await world.adapters().resolve([AdapterSelection(name: "lora-upper"), AdapterSelection(name: "vectors", layer: 1)])
        func read(_ chunk: Int, _ kept: TextReader.Kept) throws -> [[UInt32]] {
            let reader = TextReader(try world.bench.model(), positions: 128, pool: world.bench.pool)
            return bits(reader.logits(reader.read(Self.tokens, keeping: kept, adapters: set, chunk: chunk)))
        }
        let whole = try read(.max, .all)
        #expect(whole.count == Self.tokens.count)
        for chunk in [1, 32, 33, Self.tokens.count] {
            #expect(try read(chunk, .all) == whole, "chunks of \(chunk)")
            #expect(try read(chunk, .last) == [whole[whole.count - 1]], "chunks of \(chunk)")
        }
        #expect(try read(16, .nothing).isEmpty)
    }

    /// A step after a text is the row that the whole text has there, for every copy of it, with its own adapters.
    @Test func stepsGoOnWhereTextsEnd() async throws {
        let world = try World(seed: 22)
        let (model, pool) = (try world.bench.model(), world.bench.pool)
        let lora = try await world.adapters().resolve([AdapterSelection(name: "lora-upper")])
        let (prompt, next) = (Self.tokens.dropLast(), Self.tokens[Self.tokens.count - 1])
        let reader = TextReader(model, texts: 3, positions: 128, pool: pool)
        reader.read(prompt, keeping: .nothing)
        reader.copyFirst(positions: prompt.count, to: 1..<3)
        let logits = reader.step(
            [next, next, next], position: prompt.count, promptLength: prompt.count, adapters: [.none, .none, lora], observes: false)
        let alone = TextReader(model, positions: 128, pool: pool)
        let wanted = bits(alone.logits(alone.read(Self.tokens, keeping: .last)))[0]
        let rows = bits(logits)
        #expect(rows[0] == wanted && rows[1] == wanted && rows[2] != wanted)
    }

    /// Copies are what a tap sees, of several texts at once.
    @Test func activationsAreWhatTapsSee() throws {
        let world = try World(seed: 23)
        let (model, pool) = (try world.bench.model(), world.bench.pool)
        let width = model.config.hiddenSize
        let texts = [Array(Self.tokens[0..<40]), Array(Self.tokens[40..<80])]
        let hookpoints = [HookPoint.residual(layer: 1), .mlp(layer: 0)]
        let workspace = Workspace()
        let targets = hookpoints.map { _ in workspace.allocate(Float.self, 80 * width) }
        let reader = TextReader(model, texts: 2, positions: 40, pool: pool)
        let count = reader.copyActivations(of: texts, at: hookpoints, into: targets, after: 0) { position, token in
            position > 0 && token != 0x20
        }
        for (hookpoint, target) in zip(hookpoints, targets) {
            var seen: [UInt32] = []
            let tap = ActivationTap(at: hookpoint) { output, _, rows, _, _ in
                for row in 0..<output.rows where rows[row].position > 0 {
                    seen += UnsafeBufferPointer(start: output.row(row), count: width).map(\.bitPattern)
                }
            }
            let single = TextReader(model, positions: 40, pool: pool)
            for text in texts {
                single.read(text, keeping: .nothing, adapters: AdapterSet([], taps: [tap]), layers: hookpoint.layer + 1)
            }
            let wanted = texts.flatMap { $0.dropFirst() }.enumerated().filter { $0.element != 0x20 }.flatMap { index, _ in
                seen[index * width..<(index + 1) * width]
            }
            #expect(UnsafeBufferPointer(start: target, count: count * width).map(\.bitPattern) == wanted)
        }
    }
}
