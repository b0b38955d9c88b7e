import AdapterRegistry
import Answering
import ArgumentParser
import Evaluation

/// What is compared.
struct EvalAdapterOptions: ParsableArguments {
    @Option(help: "A folder of adapters, one folder each.")
    var adapters: String?

    @Option(
        name: .customLong("adapter"),
        help: ArgumentHelp("Evaluate this adapter, or these together; may be repeated. \(AdapterArgument.form)", valueName: "adapter"))
    var chosen: [String] = []

    @Option(
        help: ArgumentHelp(
            "random=NAME: a random LoRA with the norms of NAME. shuffled=NAME: NAME was tuned with a shuffled SAE. May be repeated; the bare model is always there.",
            valueName: "control"))
    var control: [String] = []

    @Option(help: "Where random controls are written; with --url a folder that the server serves. (default: controls in --output)")
    var controls: String?

    var hasRandomControl: Bool { control.contains { $0.hasPrefix("random=") } }

    /// The bare model, adapters, controls.
    func variants(seed: UInt64) throws -> [Variant] {
        var variants = [Variant(arm: .base)]
        for text in chosen {
            variants.append(Variant(arm: Arm(name: text, role: .adapter), selections: try AdapterArgument.parse([text])))
        }
        for text in control where text != "none" {
            guard let arm = Arm(control: text, seed: seed) else {
                throw ValidationError("--control is '\(text)', but must be none, random=NAME or shuffled=NAME")
            }
            if arm.isRandom, adapters == nil {
                throw ValidationError("--control random=NAME needs --adapters, the folder that NAME lies in")
            }
            let selections =
                arm.isRandom
                ? [AdapterSelection(name: arm.name)] : try AdapterArgument.parse([arm.name], option: "--control shuffled=")
            variants.append(Variant(arm: arm, selections: selections))
        }
        var names = Set<String>()
        for variant in variants where !names.insert(variant.arm.name).inserted {
            throw ValidationError("'\(variant.arm.name)' is there twice")
        }
        return variants
    }
}
