import AdapterRegistry
import Adapters
import Foundation
import JSONText
import Models
import Tensors
import Testing
import Texts
import Workbench

@testable import Inspection

/// A whole probe of a random SAE: what it reports is what its parts find.
@Suite struct LatentSearchTests {
    private static let system = "Say <think> first, and </think> at the end."

    private func question(_ world: World, layer: Int? = nil) throws -> LatentSearch.Question {
        let rows = (0..<12).map { "{\"text\": \"\(World.text) But maybe \($0), and however \($0 * 7).\"}" }
        var data = TriggerData(path: try world.write(rows.joined(separator: "\n"), "data.jsonl"))
        (data.template, data.length, data.system) = (.raw, 96, Self.system)
        var question = LatentSearch.Question(world.place("sae"), data: data)
        question.layer = layer
        (question.search.permutations, question.search.scoreDraws, question.search.top) = (50, 9, 4)
        return question
    }

    @Test func everyHookpointIsReported() async throws {
        let world = try World(seed: 31)
        let found = try await LatentSearch.run(try question(world), on: world.bench)
        let report = found.report
        #expect(report.hookpoints.map(\.hookpoint) == ["layers.0", "layers.1"])
        let tokens = try world.bench.chunks(question(world).data).tokenCount
        #expect(report.words == ReasoningWords.published && report.tokens == tokens)
        for place in report.hookpoints {
            #expect(place.latents == 192 && place.seen > 0 && place.tokensInside > 0 && place.tokensOutside > 0)
            #expect(
                place.reported.filter { !$0.atTags }.map(\.reasonScore)
                    == place.reported.filter { !$0.atTags }.map(\.reasonScore).sorted(by: >))
            #expect(Set(place.reported.filter(\.atTags).map { Int32($0.latent) }).isSuperset(of: Set(place.tags?.latents ?? [])))
            #expect(place.reported.allSatisfy { $0.lens.count == 5 && $0.contexts.count <= 5 && ($0.p ?? 0) > 0 })
            let names = try #require(found.names[place.hookpoint]?.object)
            #expect(Set(names.keys) == Set(place.reported.map { "\($0.latent)" }))
        }
        // The strongest place of a latent holds the activation that the reader shows there.
        let place = report.hookpoints[1]
        let set = try await world.bench.load(AdapterSelection(name: "sae", layer: 1, mode: .observe), from: world.place("sae").folder)
        guard case .sae(let intervention)? = set.applied.first else {
            Issue.record("an SAE was asked for")
            return
        }
        let chunks = try world.bench.chunks(question(world).data)
        let reader = LatentReader(
            intervention.sae, model: try world.bench.model(), kv: .f32, longest: chunks.length, pool: world.bench.pool)
        let latent = try #require(place.reported.first { !$0.contexts.isEmpty })
        let context = latent.contexts[0]
        reader.read(chunks.tokens(context.chunk)) { token in
            if token.position == context.position { #expect(token.activation(of: Int32(latent.latent)) == context.activation) }
        }
    }

    @Test func tokensArePutIntoPlainText() async throws {
        let world = try World(seed: 32)
        var question = try question(world, layer: 0)
        question.search.tags = nil
        question.search.labelsAll = true
        var injection = InjectionSettings(
            plain: try world.write("{\"text\": \"\(String(repeating: "plain words ", count: 40))\"}", "plain.jsonl"))
        (injection.texts, injection.length) = (4, 48)
        question.injection = injection
        let found = try await LatentSearch.run(question, on: world.bench)
        let place = found.report.hookpoints[0]
        #expect(place.tags == nil && found.report.spread == nil)
        let results = try #require(place.injection)
        #expect(results.map(\.latent) == place.reported.map(\.latent))
        #expect(results.allSatisfy { $0.p > 0 && $0.p <= 1 && $0.controlP > 0 && $0.tokens.count <= 10 })
        #expect(try #require(found.names["layers.0"]?.object).count >= place.seen)
        // The same again: every draw follows from the seed.
        let again = try await LatentSearch.run(question, on: world.bench)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(try encoder.encode(again.report) == encoder.encode(found.report))
    }

    @Test func whatCannotBeProbedIsTold() async throws {
        let world = try World(seed: 33)
        var question = try question(world)
        question.place = world.place("lora-upper")
        await #expect(throws: InspectionError.noSAE(adapter: "lora-upper", kind: "lora")) {
            try await LatentSearch.run(question, on: world.bench)
        }
        question = try self.question(world, layer: 2)
        await #expect(throws: AdapterError.self) { try await LatentSearch.run(question, on: world.bench) }
        question = try self.question(world)
        question.search.tags = ("<open>", "</think>")
        await #expect(throws: InspectionError.noSuchTag("<open>")) { try await LatentSearch.run(question, on: world.bench) }
        question = try self.question(world, layer: 0)
        question.injection = InjectionSettings(plain: try world.write("{\"text\": \"few\"}", "few.jsonl"))
        await #expect(throws: TextError.self) { try await LatentSearch.run(question, on: world.bench) }
    }

    @Test func scoresOfLayers() throws {
        let world = try World(seed: 34)
        var settings = ProbeSettings()
        let hookpoints = [HookPoint.residual(layer: 0), .residual(layer: 1), .mlp(layer: 1)]
        #expect(try settings.scores(hookpoints) == nil)
        settings.layerScores = try world.write("{\"0\": 1.5, \"layers.1.mlp\": 2}", "scores.json")
        #expect(try settings.scores(hookpoints) == [.residual(layer: 0): 1.5, .mlp(layer: 1): 2])
        for (text, problem) in [
            ("[1]", "wanted an object of numbers"), ("{\"0\": \"x\"}", "wanted a number"), ("{\"7\": 1}", "no hookpoint '7'"),
            ("{\"1\": 1}", "could be layers.1 or layers.1.mlp"),
        ] {
            settings.layerScores = try world.write(text, "bad.json")
            #expect { try settings.scores(hookpoints) } throws: { "\($0)".contains(problem) }
        }
    }
}
