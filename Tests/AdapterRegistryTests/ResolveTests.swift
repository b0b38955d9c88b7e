import Adapters
import Foundation
import Testing

@testable import AdapterRegistry

@Suite struct ResolveTests {
    private let folder: AdaptersFolder
    private let registry: AdapterRegistry

    init() throws {
        folder = try AdaptersFolder()
        try folder.addLoRA("qwen-math")
        try folder.addLoRA("qwen-code", value: 0.25)
        try folder.addSAE("r1-sae", hookpoints: ["layers.1", "layers.2", "layers.2.mlp"])
        try folder.addSAE("one-sae", hookpoints: ["layers.3"])
        registry = try folder.registry()
    }

    private func resolve(_ selections: AdapterSelection...) async throws -> [AppliedReport] {
        try await registry.resolve(selections).report
    }

    private func error(_ selections: AdapterSelection..., at location: SourceLocation = #_sourceLocation) async throws -> AdapterError {
        try await #require(throws: AdapterError.self, sourceLocation: location) { _ = try await registry.resolve(selections) }
    }

    @Test func nothingChosenIsTheBase() async throws {
        #expect(try await registry.resolve([]) === AdapterSet.none)
    }

    @Test func lorasWithAndWithoutScale() async throws {
        let set = try await registry.resolve([AdapterSelection(name: "qwen-math"), AdapterSelection(name: "qwen-code", scale: 0.8)])
        #expect(set.report.map(\.name) == ["qwen-math", "qwen-code"] && set.report.map(\.scale) == [1, 0.8])
        #expect(set.loras(layer: 1, module: .q).count == 2)
        let listed = registry.list()
        #expect(set.report.map(\.digest) == ["qwen-math", "qwen-code"].map { name in listed.first { $0.name == name }?.digest })
        #expect(listed.filter { $0.state == .loaded }.map(\.name) == ["qwen-code", "qwen-math"])
    }

    @Test func modesAreInferred() async throws {
        let observe = try await resolve(AdapterSelection(name: "one-sae"))
        #expect(observe[0].mode == .observe && observe[0].hookpoint == .residual(layer: 3) && observe[0].scale == nil)
        #expect(observe[0].top == 4, "the default of 8, capped by k")
        let edits = [LatentEdit(latent: 31, op: .add, value: 6)]
        let edit = try await resolve(AdapterSelection(name: "one-sae", scale: 0.5, edits: edits))
        #expect(edit[0].mode == .edit && edit[0].edits == edits && edit[0].scale == 0.5 && edit[0].top == nil)
        let splice = try await resolve(AdapterSelection(name: "one-sae", layer: 3, mode: .splice, scope: .generated))
        #expect(splice[0].mode == .splice && splice[0].scope == .generated)
    }

    @Test func hookpointsAreChosenByLayerAndPlace() async throws {
        #expect(try await resolve(AdapterSelection(name: "r1-sae", layer: 1))[0].hookpoint == .residual(layer: 1))
        #expect(try await resolve(AdapterSelection(name: "r1-sae", at: .mlp))[0].hookpoint == .mlp(layer: 2))
        #expect(try await resolve(AdapterSelection(name: "r1-sae", layer: 2, at: .residual))[0].hookpoint == .residual(layer: 2))
        #expect(
            try await error(AdapterSelection(name: "r1-sae", layer: 2))
                == .hookpointNeeded(adapter: "r1-sae", has: [.mlp(layer: 2), .residual(layer: 2)]))
        let all: [HookPoint] = [.residual(layer: 1), .mlp(layer: 2), .residual(layer: 2)]
        #expect(try await error(AdapterSelection(name: "r1-sae")) == .hookpointNeeded(adapter: "r1-sae", has: all))
        let missing = try await error(AdapterSelection(name: "r1-sae", layer: 1, at: .mlp))
        #expect(missing == .noSuchHookpoint(adapter: "r1-sae", wanted: "layers.1.mlp", has: all))
        #expect(missing.description.contains("layers.1, layers.2.mlp, layers.2"))
        #expect(try await error(AdapterSelection(name: "one-sae", layer: 9)).description.contains("layers.3"))
        #expect(try await error(AdapterSelection(name: "one-sae", layer: -1)).parameter == "layer")
        #expect(try await error(AdapterSelection(name: "one-sae", at: .mlp)).description.contains("'mlp'"))
    }

    @Test func packedLoRAsEqualTheirPEFTForm() async throws {
        try folder.addPackedLoRA("packed")
        let set = try await registry.resolve([AdapterSelection(name: "packed", scale: 0.5)])
        let update = try #require(set.loras(layer: 1, module: .q).first)
        #expect(update.update.scale == 2 && update.strength == 0.5 && set.report[0].kind == .lora)
    }

    @Test func steeringVectorsTakeScaleLayerAndScope() async throws {
        try folder.addControlVector("control")
        try folder.addSteering("calm", hookpoints: ["layers.2", "layers.2.mlp", "layers.1"])
        let all = try await registry.resolve([AdapterSelection(name: "control")])
        #expect(all.actions(at: .residual(layer: 1)).count == 1 && all.actions(at: .residual(layer: 2)).count == 1)
        #expect(all.report[0].kind == .vector && all.report[0].scale == 1 && all.report[0].scope == .all)
        let one = try await resolve(AdapterSelection(name: "control", scale: -2, layer: 2, scope: .generated))
        #expect(one[0].hookpoint == .residual(layer: 2) && one[0].scale == -2 && one[0].scope == .generated)
        let site = try await registry.resolve([AdapterSelection(name: "calm", layer: 2, at: .mlp)])
        #expect(site.actions(at: .mlp(layer: 2)).count == 1 && site.actions(at: .residual(layer: 2)).isEmpty)
        #expect(try await error(AdapterSelection(name: "control", layer: 3)).parameter == "layer")
        #expect(try await error(AdapterSelection(name: "control", mode: .splice)).parameter == "mode")
        #expect(try await error(AdapterSelection(name: "control", edits: [LatentEdit(latent: 1, op: .ablate)])).parameter == "edits")
        #expect(try await error(AdapterSelection(name: "control", top: 3)).parameter == "top")
        #expect(try await error(AdapterSelection(name: "control", scale: .nan)).parameter == "scale")
    }

    @Test func conditionsReadTheSameSAEOrAnother() async throws {
        func when(_ latent: Int = 3, above: Float = 1, of adapter: String? = nil, layer: Int? = nil, at: HookPoint.Site? = nil)
            -> ConditionSelection
        {
            ConditionSelection(latent: latent, above: above, adapter: adapter, layer: layer, at: at)
        }
        func splice(_ condition: ConditionSelection?) -> AdapterSelection {
            AdapterSelection(name: "r1-sae", layer: 2, at: .residual, mode: .splice, when: condition)
        }
        for (condition, hookpoint) in [
            (when(), HookPoint.residual(layer: 2)), (when(of: "r1-sae"), .residual(layer: 2)), (when(layer: 1), .residual(layer: 1)),
            (when(at: .mlp), .mlp(layer: 2)), (when(of: "r1-sae", layer: 2, at: .residual), .residual(layer: 2)),
        ] {
            let report = try await resolve(splice(condition))[0].condition
            #expect(report?.hookpoint == hookpoint && report?.adapter == "r1-sae" && report?.latent == 3 && report?.above == 1)
        }
        try folder.addSteering("calm", hookpoints: ["layers.2", "layers.3"])
        let vector = try await resolve(AdapterSelection(name: "calm", when: when(of: "r1-sae", layer: 1)))[0]
        #expect(vector.condition?.hookpoint == .residual(layer: 1) && vector.condition?.digest != vector.digest)
        let below = try await registry.resolve([AdapterSelection(name: "one-sae", mode: .splice, when: when(of: "r1-sae", layer: 1))])
        #expect(below.sharedLayers == 2, "a row must pass where the condition is read")

        #expect(try await error(splice(when(32))) == .latentOutOfRange(adapter: "r1-sae", latent: 32, latents: 32))
        #expect(try await error(splice(when(above: -1))).parameter == "when.above")
        #expect(try await error(splice(when(of: "one-sae"))).description.contains("comes after layers.2"))
        #expect(try await error(splice(when(layer: 7))).parameter == "layer")
        #expect(try await error(splice(when(of: "zzzzzzzzzzzzzzz"))).parameter == "name")
        #expect(try await error(splice(when(of: "qwen-math"))).description.contains("no SAE"))
        #expect(try await error(AdapterSelection(name: "one-sae", mode: .splice, when: when(of: "r1-sae"))).parameter == "layer")
        #expect(try await error(AdapterSelection(name: "one-sae", mode: .observe, when: when())).parameter == "when")
        #expect(try await error(AdapterSelection(name: "qwen-math", when: when(of: "r1-sae", layer: 1))).parameter == "when")
        #expect(try await error(AdapterSelection(name: "calm", when: when())).description.contains("no latents"))
        #expect(try await error(AdapterSelection(name: "calm", when: when(of: "calm"))).parameter == "when")
        #expect(try await error(AdapterSelection(name: "calm", when: when(of: "one-sae"))).description.contains("comes after"))
        // Edits are one intervention only under the same condition.
        let edits = [LatentEdit(latent: 1, op: .ablate)]
        let (plain, one, two) = (
            AdapterSelection(name: "one-sae", edits: edits), AdapterSelection(name: "one-sae", edits: edits, when: when()),
            AdapterSelection(name: "one-sae", edits: edits, when: when(4))
        )
        #expect(try await registry.resolve([plain, one, one, two]).applied.count == 3)
    }

    @Test func unknownNamesGetNearOnes() async throws {
        #expect(try await error(AdapterSelection(name: "qwen-meth")) == .unknown(name: "qwen-meth", near: ["qwen-math"]))
        guard case .unknown(_, let near) = try await error(AdapterSelection(name: "sae")) else {
            Issue.record("not unknown")
            return
        }
        #expect(near == ["one-sae", "r1-sae"])
        #expect(try await error(AdapterSelection(name: "zzzzzzzzzzzzzzz")) == .unknown(name: "zzzzzzzzzzzzzzz", near: []))
        #expect(try await error(AdapterSelection(name: "")).parameter == "name")
        #expect(try await error(AdapterSelection(name: "../r1-sae")).parameter == "name")
    }

    @Test func everyParameterIsCheckedBeforeATokenIsMade() async throws {
        let add = [LatentEdit(latent: 1, op: .add, value: 1)]
        #expect(try await error(AdapterSelection(name: "qwen-math", scale: .nan)).parameter == "scale")
        #expect(try await error(AdapterSelection(name: "qwen-math", scale: .infinity)).parameter == "scale")
        #expect(try await error(AdapterSelection(name: "qwen-math", layer: 1)).parameter == "layer")
        #expect(try await error(AdapterSelection(name: "qwen-math", at: .mlp)).parameter == "at")
        #expect(try await error(AdapterSelection(name: "qwen-math", mode: .edit)).parameter == "mode")
        #expect(try await error(AdapterSelection(name: "qwen-math", edits: add)).parameter == "edits")
        #expect(try await error(AdapterSelection(name: "qwen-math", scope: .prompt)).parameter == "scope")
        #expect(try await error(AdapterSelection(name: "qwen-math", top: 3)).parameter == "top")
        #expect(try await error(AdapterSelection(name: "one-sae", scale: 1)).parameter == "scale")
        #expect(try await error(AdapterSelection(name: "one-sae", scale: 0.5, mode: .splice)).parameter == "scale")
        #expect(try await error(AdapterSelection(name: "one-sae", scale: .nan, edits: add)).parameter == "scale")
        #expect(try await error(AdapterSelection(name: "one-sae", mode: .edit)).parameter == "edits")
        #expect(try await error(AdapterSelection(name: "one-sae", mode: .observe, edits: add)).parameter == "edits")
        #expect(try await error(AdapterSelection(name: "one-sae", top: 0)).parameter == "top")
        let far = [LatentEdit(latent: 32, op: .ablate)]
        #expect(
            try await error(AdapterSelection(name: "one-sae", edits: far)) == .latentOutOfRange(adapter: "one-sae", latent: 32, latents: 32)
        )
        #expect(try await error(AdapterSelection(name: "qwen-math", scope: .think)).parameter == "scope")
        let many = Array(repeating: AdapterSelection(name: "qwen-math"), count: 17)
        await #expect(throws: AdapterError.tooManyAdapters(got: 17, limit: 16)) { _ = try await registry.resolve(many) }
    }

    @Test func editsOneByOneAndInAListAreTheSame() async throws {
        let first = LatentEdit(latent: 1, op: .add, value: 1)
        let second = LatentEdit(latent: 2, op: .ablate)
        let member = AdapterSelection(name: "one-sae", scale: 2, edits: [first])
        var next = member
        next.edits = [second]
        let listed = try await registry.resolve([AdapterSelection(name: "one-sae", scale: 2, edits: [first, second])])
        #expect(try await registry.resolve([member, next]).key == listed.key)

        var elsewhere = next
        elsewhere.scope = .prompt
        var splice = next
        splice.edits = []
        splice.scale = nil
        splice.mode = .splice
        #expect(try await registry.resolve([member, elsewhere]).applied.count == 2)
        #expect(try await registry.resolve([member, splice, next]).applied.count == 3, "only neighbours merge")
    }

    @Test func brokenAdaptersSayWhy() async throws {
        try folder.addSAE("wide", hookpoints: ["layers.1"], width: 20)
        let error = try await error(AdapterSelection(name: "wide"))
        #expect(error == .shapeMismatch(adapter: "wide", tensor: "encoder.weight", got: [32, 20], wanted: [32, 16]))
        let unloadable = try folder.registry(shape: nil)
        await #expect(throws: AdapterError.self) { _ = try await unloadable.resolve([AdapterSelection(name: "qwen-math")]) }
    }
}
