import Foundation
import JSONText

/// The `config.json` of a Gemma Scope 2 SAE or transcoder (`params.safetensors`: `w_enc` `[d, M]`, `w_dec` `[M, d]`, `b_enc`, `b_dec`, `threshold`):
/// a jumprelu that centres nothing. Some come without it; then the folder's name has to say the hookpoint.
struct GemmaScopeConfig {
    static let file = "config.json"
    static let tensorFile = "params.safetensors"

    /// Where it writes; an SAE reads there too, a transcoder reads the MLP's input.
    let hookpoint: HookPoint
    let isTranscoder: Bool
    let hasFile: Bool

    /// - Parameter named: the hookpoint that the folder is named after.
    init(folder: URL, adapter: String, shownAs: String, hookpoint named: HookPoint?) throws(AdapterError) {
        let shown = shownAs.isEmpty ? Self.file : "\(shownAs)/\(Self.file)"
        guard FileManager.default.fileExists(atPath: folder.appendingPathComponent(Self.file).path) else {
            guard let named else {
                throw .badFile(
                    adapter: adapter, file: shown,
                    problem:
                        "there is none, and the folder is not named after a hookpoint (such as layers.12): nothing says where it hooks in")
            }
            (hookpoint, isTranscoder, hasFile) = (named, false, false)
            return
        }
        let config = try ConfigReader(folder: folder, file: Self.file, adapter: adapter, shownAs: shown)
        let architecture = try config.fields.string("architecture") ?? "missing"
        guard architecture == "jump_relu" else {
            throw .unsupported(adapter: adapter, feature: "architecture '\(architecture)' in \(shown)", advice: "only jump_relu is")
        }
        if try config.fields.bool("affine_connection") ?? false {
            throw .unsupported(
                adapter: adapter, feature: "an affine connection ('affine_connection' in \(shown))", advice: "use the transcoder without it"
            )
        }
        try config.refuseUnknown(
            ["architecture", "model_name", "hf_hook_point_in", "hf_hook_point_out", "affine_connection"], passingValues: true)
        func place(_ key: String) throws(AdapterError) -> HookPoint.Module? {
            guard let name = try config.fields.string(key) else { return nil }
            guard let module = HookPoint.Module(name) else {
                throw .unsupported(
                    adapter: adapter, feature: "\(key) '\(name)' in \(shown)",
                    advice: "only the outputs of blocks (layers.N.output) and of MLPs, and the inputs of MLPs are")
            }
            return module
        }
        guard let input = try place("hf_hook_point_in") else {
            throw .badFile(adapter: adapter, file: shown, problem: "'hf_hook_point_in' is missing: nothing says where it hooks in")
        }
        let output = try place("hf_hook_point_out") ?? input
        switch (input, output) {
        case (.mlpInput(let layer), .hookpoint(let point)) where point == .mlp(layer: layer): (hookpoint, isTranscoder) = (point, true)
        case (.hookpoint(let point), _) where input == output: (hookpoint, isTranscoder) = (point, false)
        default:
            throw .unsupported(
                adapter: adapter, feature: "an SAE from '\(input)' to '\(output)'",
                advice: "only those that write where they read are, and transcoders from an MLP's input to its output")
        }
        hasFile = true
    }
}
