import AdapterRegistry
import ArgumentParser
import Foundation
import Inspection
import JSONText
import Terminal

/// `resa probe`: what the latents of an SAE respond to.
struct Probe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at what an SAE's latents respond to.",
        discussion: """
            Reads a system prompt and text with the model, one hookpoint after the other: which latents act at the think tags alone, against a \
            permutation null, and how their numbers spread over layers; which act around reasoning words (ReasonScore), against windows in other \
            places; where each acts most; which tokens its decoder row speaks for; and, with --plain, whether \
            tokens alone make it act in text without reasoning. \
            docs/probing.md tells more.
            """)

    @OptionGroup var source: ModelOptions

    @Option(help: ArgumentHelp("The SAE: its folder, or its name in --adapters or the store.", valueName: "adapter"))
    var sae: String

    @Option(help: ArgumentHelp("Where adapters lie. (default: the store)", valueName: "folder"))
    var adapters: String?

    @Option(help: "Only the SAE's hookpoints at this layer.")
    var layer: Int?

    @OptionGroup(title: "Data") var data: TriggerOptions
    @OptionGroup(title: "What is looked for") var search: ProbeOptions
    @OptionGroup(title: "Token injection") var injection: InjectionOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    @Option(help: ArgumentHelp("Write names for latents here, in the form of an adapter's labels.json.", valueName: "file"))
    var labels: String?

    @Flag(help: "Name every latent that acts in the data instead of those reported.")
    var labelAll = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if labelAll, labels == nil { throw ValidationError("--label-all goes with --labels") }
        if search.noTags { try data.refuseIdleSystemPrompt() }
        try compute.refuseAdapterWeights()
    }

    func run() async throws {
        if let labels, FileManager.default.fileExists(atPath: labels) {
            throw CommandError("\(labels) is there already; choose another file, or move it away")
        }
        let bench = try compute.open(source)
        var question = LatentSearch.Question(try AdapterFolder.find(sae, adapters: adapters), data: try data.triggerData())
        (question.layer, question.search, question.injection) = (layer, search.settings, injection.settings)
        question.search.labelsAll = labelAll
        let found = try await LatentSearch.run(question, on: bench)
        if let labels { try OutputFile.write(String(decoding: JSONWriter.bytes(.object(found.names)), as: UTF8.self), to: labels) }
        json ? try Console.printJSON(found.report) : found.report.show()
    }
}
