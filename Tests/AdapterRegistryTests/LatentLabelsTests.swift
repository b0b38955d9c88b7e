import Adapters
import Foundation
import Testing

@testable import AdapterRegistry

@Suite struct LatentLabelsTests {
    @Test func ownHookpointsGoBeforeAllAndTheFileBeforeTheManifest() async throws {
        let folder = try AdaptersFolder()
        try folder.addSAE("r1-sae", hookpoints: ["layers.1", "layers.2"])
        try folder.write(#"{"labels": {"3": "of the manifest", "4": "four", "note": "no latent"}}"#, to: "r1-sae/manifest.json")
        try folder.write(#"{"3": "three", "layers.2": {"3": "doubt", "5": "five"}}"#, to: "r1-sae/labels.json")
        let registry = try folder.registry()
        let labels = try #require(registry.labels(of: ["r1-sae", "nobody"])["r1-sae"])
        #expect(labels[.residual(layer: 2), 3] == "doubt" && labels[.residual(layer: 1), 3] == "three")
        #expect(labels[.residual(layer: 1), 4] == "four" && labels[.residual(layer: 1), 5] == nil && labels.count == 4)

        try folder.write(#"{"3": "changed!"}"#, to: "r1-sae/labels.json")
        await registry.refresh()
        #expect(registry.labels(of: ["r1-sae"])["r1-sae"]?[.residual(layer: 2), 3] == "changed!")
    }

    @Test func labelsAreNoPartOfTheDigest() throws {
        let folder = try AdaptersFolder()
        for name in ["a", "b"] { try folder.addSAE(name, hookpoints: ["layers.1"]) }
        try folder.write(#"{"3": "three"}"#, to: "b/labels.json")
        let list = try folder.registry().list()
        #expect(list[0].digest != nil && list[0].digest == list[1].digest && list[0].latentLabels.isEmpty)
    }

    @Test(arguments: [
        "[]", "{", #"{"x": "no number"}"#, #"{"-1": "negative"}"#, #"{"3": 3}"#, #"{"blocks.2": {"3": "x"}}"#, #"{"layers.2": {"3": 3}}"#,
        #"{"layers.2": {"x": "y"}}"#,
    ])
    func whatIsNotOfTheForm(_ text: String) throws {
        let folder = try AdaptersFolder()
        try folder.addSAE("r1-sae", hookpoints: ["layers.1"])
        try folder.write(text, to: "r1-sae/labels.json")
        #expect(try #require(folder.registry().list()[0].error).contains("labels.json"))
    }
}
