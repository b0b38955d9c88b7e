@testable import AdapterRegistry
@testable import Adapters
@testable import Server

/// A LoRA, an SAE of one hookpoint and a broken folder, and names that fail in other ways. Nothing is loaded.
enum ScriptedAdapters {
    static let all = [
        AdapterSummary(
            name: "math-lora", kind: .lora, digest: "sha256:aa", hookpoints: [], rank: 8, latents: nil, bytes: 100, state: .cold,
            baseModel: "some/base", description: nil, labels: [:], error: nil),
        AdapterSummary(
            name: "r1-sae", kind: .sae, digest: "sha256:bb", hookpoints: [.residual(layer: 12)], rank: nil, latents: 2048, bytes: 200,
            state: .loaded, baseModel: nil, description: nil, labels: ["7": "doubt"], error: nil),
        AdapterSummary(
            name: "torn", kind: nil, digest: nil, hookpoints: [], rank: nil, latents: nil, bytes: 3, state: .broken, baseModel: nil,
            description: nil, labels: [:], error: "adapter_config.json: it is missing"),
    ]

    static func resolve(_ selections: [AdapterSelection]) throws(AdapterError) -> ResolvedAdapters {
        var applied: [AppliedReport] = []
        for selection in selections {
            switch selection.name {
            case "math-lora":
                applied.append(
                    AppliedReport(
                        name: "math-lora", digest: "sha256:aa", kind: .lora, scale: selection.scale ?? 1, hookpoint: nil, mode: nil,
                        edits: [],
                        scope: nil, top: nil))
            case "r1-sae":
                if let layer = selection.layer, layer != 12 {
                    throw .noSuchHookpoint(adapter: "r1-sae", wanted: "at layer \(layer)", has: [.residual(layer: 12)])
                }
                applied.append(
                    AppliedReport(
                        name: "r1-sae", digest: "sha256:bb", kind: .sae, scale: selection.edits.isEmpty ? nil : 1,
                        hookpoint: .residual(layer: 12), mode: selection.mode ?? (selection.edits.isEmpty ? .observe : .edit),
                        edits: selection.edits, scope: selection.scope, top: nil,
                        condition: selection.when.map {
                            AppliedCondition(
                                adapter: $0.adapter ?? "r1-sae", digest: "sha256:bb", hookpoint: .residual(layer: 12), latent: $0.latent,
                                above: $0.above)
                        }))
            case "huge": throw .tooLarge(adapter: "huge", bytes: 9 << 20, limit: 5 << 20)
            case "unlucky": throw .noRoom(adapter: "unlucky", bytes: 3 << 20, used: 2 << 20, pinned: 1 << 20, limit: 5 << 20)
            case "torn": throw .badFile(adapter: "torn", file: "adapter_config.json", problem: "it is missing")
            default: throw .unknown(name: selection.name, near: ["math-lora"])
            }
        }
        return ResolvedAdapters(set: .none, applied: applied, labels: ["r1-sae": LatentLabels(shared: ["7": "doubt"])])
    }
}
