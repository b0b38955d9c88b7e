import Adapters
import Foundation
import Tensors
import TestRandomness
import Testing

/// Steering vectors from `steering.json` and `vector.safetensors`.
@Suite struct SteeringTests {
    private static let direction = (0..<24).map { Float($0) - 7.5 }

    private func folder(_ config: String, _ tensors: [Tensor] = [Tensor("vector", [24], SteeringTests.direction)]) throws -> TemporaryFolder
    {
        let folder = try TemporaryFolder()
        try folder.write(config, to: "steering.json")
        try folder.write(Tensor.file(tensors), to: "vector.safetensors")
        return folder
    }

    private func load(_ config: String, _ tensors: [Tensor] = [Tensor("vector", [24], SteeringTests.direction)]) throws -> SteeringVectors {
        let folder = try folder(config, tensors)
        return try withExtendedLifetime(folder) {
            try SteeringLayout(folder: folder.url, name: "calm", shape: smallShape).load(digest: "sha256:3")
        }
    }

    private func run(_ set: AdapterSet, at hookpoint: HookPoint, _ h: Matrix, pool: WorkerPool = WorkerPool(threads: 1)) {
        var rows = [RowContext].sequence(h.rows)
        for action in set.actions(at: hookpoint) {
            action.apply(to: h.view, input: nil, rows: &rows, observations: nil, pool: pool, workspace: Workspace())
        }
    }

    @Test func theDirectionIsAddedInScope() throws {
        let vectors = try load(#"{"hookpoint": "model.layers.2.mlp", "scale": 0.5, "description": "calm"}"#)
        #expect(vectors.hookpoints == [.mlp(layer: 2)])
        for pool in poolsOfAllTiers() {
            for (scope, rows) in [
                (InterventionScope.all, Array(0..<6)), (.prompt, Array(0..<4)), (.generated, [4, 5]), (.window(1..<3), [1, 2]),
            ] {
                let set = AdapterSet([.vector(try Steering(vectors, scale: 3, scope: scope))])
                var generator = SeededRandom(seed: 4)
                let h = Matrix(rows: 6, columns: 24, using: &generator)
                let before = h.values
                run(set, at: .mlp(layer: 2), h, pool: pool)
                for row in 0..<6 {
                    for column in 0..<24 {
                        let added: Float = rows.contains(row) ? 1.5 * Self.direction[column] : 0
                        #expect(abs(h.view[row, column] - before[row * 24 + column] - added) < 1e-5)
                    }
                }
                #expect(set.actions(at: .residual(layer: 2)).isEmpty && !set.observes)
                #expect(set.sharedLayers == 2 && set.distinguishesPrompt == (scope == .prompt || scope == .generated))
            }
        }
    }

    @Test func aRowIsTheSameAloneAndAmongOthers() throws {
        let set = AdapterSet([.vector(try Steering(load(#"{"hookpoint": "layers.1"}"#), scale: 0.3))])
        var generator = SeededRandom(seed: 5)
        let values = Matrix(rows: 5, columns: 24, using: &generator).values
        let together = Matrix(values, columns: 24)
        run(set, at: .residual(layer: 1), together)
        for row in 0..<5 {
            let alone = Matrix(Array(values[row * 24..<(row + 1) * 24]), columns: 24)
            run(set, at: .residual(layer: 1), alone)
            #expect(alone.values == together.row(row))
        }
    }

    @Test func severalHookpointsAndTheRequestsChoice() throws {
        let vectors = try load(
            #"{"vectors": {"layers.3": "b", "layers.1": "a", "layers.3.mlp": "a"}}"#,
            [Tensor("a", [24], Self.direction), Tensor("b", [24], Self.direction.map { -$0 })])
        #expect(vectors.hookpoints == [.residual(layer: 1), .mlp(layer: 3), .residual(layer: 3)])
        let all = AdapterSet([.vector(try Steering(vectors))])
        #expect(all.sharedLayers == 2 && all.report[0].hookpoint == nil && all.report[0].kind == .vector)
        let one = AdapterSet([.vector(try Steering(vectors, hookpoints: [.residual(layer: 3)], scale: 2))])
        #expect(one.sharedLayers == 4 && one.report[0].hookpoint == .residual(layer: 3) && one.report[0].scale == 2)
        let h = Matrix([Float](repeating: 0, count: 24), columns: 24)
        run(one, at: .residual(layer: 3), h)
        #expect(h.values == Self.direction.map { -2 * $0 })
        #expect(one.actions(at: .residual(layer: 1)).isEmpty)
    }

    @Test func keysTellBehavioursApart() throws {
        let vectors = try load(#"{"vectors": {"layers.1": "vector", "layers.2": "vector"}}"#)
        let sets = [
            AdapterSet([.vector(try Steering(vectors))]), AdapterSet([.vector(try Steering(vectors, scale: 2))]),
            AdapterSet([.vector(try Steering(vectors, scope: .generated))]),
            AdapterSet([.vector(try Steering(vectors, hookpoints: [.residual(layer: 1)]))]),
            AdapterSet([.vector(try Steering(vectors)), .vector(try Steering(vectors))]),
        ]
        #expect(Set(sets.map(\.key)).count == sets.count && Set(sets.map(\.cacheKey)).count == sets.count)
        let nothing = AdapterSet([.vector(try Steering(vectors, scale: 0))])
        #expect(nothing.cacheKey.isEmpty && !nothing.key.isEmpty && nothing.sharedLayers == .max)
        let h = Matrix([Float](repeating: -0.0, count: 24), columns: 24)
        run(nothing, at: .residual(layer: 1), h)
        #expect(h.values.allSatisfy { $0.sign == .minus }, "scale 0 leaves every bit")
    }

    @Test func vectorsAndSAEsRunInTheRequestsOrder() throws {
        let sae = try SmallAdapters.sae(hookpoint: "layers.1")
        let splice = AppliedAdapter.sae(try Intervention(sae: sae, mode: .splice))
        let vector = AppliedAdapter.vector(try Steering(load(#"{"hookpoint": "layers.1"}"#)))
        var generator = SeededRandom(seed: 6)
        let values = Matrix(rows: 1, columns: 24, using: &generator).values
        let (first, last, alone) = (Matrix(values, columns: 24), Matrix(values, columns: 24), Matrix(values, columns: 24))
        run(AdapterSet([vector, splice]), at: .residual(layer: 1), first)
        run(AdapterSet([splice, vector]), at: .residual(layer: 1), last)
        run(AdapterSet([splice]), at: .residual(layer: 1), alone)
        #expect(first.values != last.values)
        #expect(relativeError(last.values, zip(alone.values, Self.direction).map { $0 + $1 }) < 1e-6)
    }

    @Test(arguments: [
        ("[]", "object"), ("{}", "neither"), (#"{"hookpoint": 3}"#, "hookpoint"), (#"{"hookpoint": "blocks.1"}"#, "'blocks.1'"),
        (#"{"hookpoint": "layers.1", "strenght": 3}"#, "'strenght'"), (#"{"hookpoint": "layers.1", "scale": "big"}"#, "'scale'"),
        (#"{"hookpoint": "layers.1", "scale": 1e300}"#, "'scale'"), (#"{"vectors": {}}"#, "neither"), (#"{"vectors": []}"#, "vectors"),
        (#"{"vectors": {"layers.1": 3}}"#, "layers.1"), (#"{"vectors": {"layers.1": null}}"#, "layers.1"),
        (#"{"hookpoint": "layers.1", "vectors": {"model.layers.1": "vector"}}"#, "twice"),
        (#"{"vectors": {"layers.1": "missing"}}"#, "'missing' is missing"),
        (#"{"hookpoint": "layers.1", "scale": 1e38}"#, "once scaled"),
    ])
    func badConfigsAreRefused(config: String, named: String) throws {
        let error = try #require(throws: AdapterError.self) { _ = try load(config) }
        guard case .badFile(_, _, let problem) = error else {
            Issue.record("\(config) was refused by \(error)")
            return
        }
        #expect(problem.contains(named), "\(problem)")
    }

    @Test func tensorsMustFitConfigAndModel() throws {
        func refused(_ config: String, _ tensors: [Tensor]) throws -> AdapterError {
            try #require(throws: AdapterError.self) { _ = try load(config, tensors) }
        }
        let config = #"{"hookpoint": "layers.1"}"#
        #expect(
            try refused(config, [Tensor("vector", [1, 24], Self.direction)])
                == .shapeMismatch(adapter: "calm", tensor: "vector", got: [1, 24], wanted: [24]))
        #expect(
            try refused(#"{"hookpoint": "layers.4"}"#, [Tensor("vector", [24], Self.direction)])
                == .layerOutOfRange(adapter: "calm", layer: 4, layers: 4))
        let stray = try refused(config, [Tensor("vector", [24], Self.direction), Tensor("other", [24], Self.direction)])
        #expect(stray.description.contains("'other'"))
        var values = Self.direction
        values[23] = .nan
        #expect(try refused(config, [Tensor("vector", [24], values)]).description.contains("nan"))
        #expect(throws: AdapterError.self) { try Steering(load(config), scale: .infinity) }
    }
}
