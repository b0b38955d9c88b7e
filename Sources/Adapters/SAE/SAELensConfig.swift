import Checkpoints
import Foundation
import JSONText

/// The `cfg.json` of a SAELens SAE, of version 6 and later (`metadata` says where it hooks in) or flat, as earlier ones wrote it.
/// Keys that only matter while training are ignored; those that change what the SAE computes are understood or refused by name. Of version 6
/// and later one that is set and not known is refused too; the flat form grows no more, and has room for a whole training run's settings.
struct SAELensConfig {
    static let file = "cfg.json"

    let architecture: SAELensArchitecture
    /// Where it writes; an SAE reads there too, a transcoder reads the MLP's input.
    let hookpoint: HookPoint
    /// d_in, which is d_out too
    let width: Int
    /// d_sae
    let latents: Int
    /// Only for topk.
    let k: Int?
    let isCentred: Bool
    let normalisation: InputNormalisation
    /// `expected_average_only_in`: what activations are multiplied by, when the config says it; 1 when it is in the weights already.
    let inputFactor: Float
    /// Topk: select and report activations in units of the decoder row's norm.
    let rescalesByDecoderNorm: Bool

    /// Of an SAE that is told by other means: nothing is centred, normalised or scaled.
    init(architecture: SAELensArchitecture, hookpoint: HookPoint, width: Int, latents: Int) {
        (self.architecture, self.hookpoint, self.width, self.latents) = (architecture, hookpoint, width, latents)
        (k, isCentred, normalisation, inputFactor, rescalesByDecoderNorm) = (nil, false, .none, 1, false)
    }

    init(folder: URL, adapter: String, shownAs: String) throws(AdapterError) {
        let config = try ConfigReader(folder: folder, file: Self.file, adapter: adapter, shownAs: shownAs)
        let metadata = try config.section("metadata") ?? config
        func bad(_ problem: String) -> AdapterError { .badFile(adapter: adapter, file: shownAs, problem: problem) }
        func unsupported(_ feature: String, _ advice: String) -> AdapterError {
            .unsupported(adapter: adapter, feature: feature, advice: advice)
        }

        try Self.refuseUnsupported(config)
        // Before version 6 top-k was an activation of the standard architecture.
        let activation = try Self.text(["activation_fn", "activation_fn_str"], in: [config]) ?? "relu"
        let oldK = try config.section("activation_fn_kwargs")?.fields.int("k", in: 1...SparsifyConfig.latentLimit)
        var name = try config.fields.string("architecture") ?? "standard"
        if name == "standard", activation == "topk" { name = SAELensArchitecture.topk.rawValue }
        guard let architecture = SAELensArchitecture(rawValue: name) else {
            throw unsupported(
                "architecture '\(name)'", "only \(SAELensArchitecture.allCases.map(\.rawValue).joined(separator: ", ")) are")
        }
        guard activation == "relu" || (activation == "topk" && architecture == .topk) else {
            throw unsupported("activation_fn '\(activation)' with architecture '\(name)'", "only relu is, and topk by itself")
        }
        self.architecture = architecture

        guard let width = try config.fields.int("d_in", in: 1...SparsifyConfig.widthLimit) else { throw bad("'d_in' is missing") }
        guard let latents = try config.fields.int("d_sae", in: 1...SparsifyConfig.latentLimit) else { throw bad("'d_sae' is missing") }
        self.width = width
        self.latents = latents
        let output = try config.fields.int("d_out", in: 1...SparsifyConfig.widthLimit)
        if architecture.isTranscoder, let output, output != width {
            throw unsupported("a transcoder from \(width) to \(output) numbers", "input and output are both the model's hidden size")
        }
        if architecture == .topk {
            guard let given = try config.fields.int("k", in: 1...SparsifyConfig.latentLimit) ?? oldK else { throw bad("'k' is missing") }
            guard given <= latents else { throw bad("'k' is \(given), more than the \(latents) latents") }
            k = given
        } else {
            k = nil
        }
        rescalesByDecoderNorm = try config.fields.bool("rescale_acts_by_decoder_norm") ?? false && architecture == .topk

        let centred = try config.fields.bool("apply_b_dec_to_input")
        guard !architecture.isTranscoder || centred != true else {
            throw bad("'apply_b_dec_to_input' is true, which a transcoder cannot do: b_dec belongs to its output")
        }
        isCentred = architecture.isTranscoder ? false : centred ?? true
        (normalisation, inputFactor) = try Self.normalisation(config, metadata)
        if let reshape = try config.fields.string("reshape_activations"), reshape != "none" {
            throw unsupported("reshape_activations '\(reshape)'", "only whole residual and MLP activations are")
        }
        if let head = metadata.fields["hook_head_index"] ?? config.fields["hook_head_index"] ?? config.fields["hook_point_head_index"] {
            throw unsupported("a single attention head ('hook_head_index' is \(head.kind))", "only whole residual and MLP activations are")
        }
        hookpoint = try Self.hookpoint(config, metadata, architecture)
    }

    private static func normalisation(
        _ config: ConfigReader, _ metadata: ConfigReader
    ) throws(AdapterError) -> (InputNormalisation, Float) {
        let key = "normalize_activations"
        let name: String
        switch config.fields[key] {
        case nil, .bool(false)?: name = "none"
        case .bool(true)?: name = expectedAverage
        case .string(let text)?: name = text
        case let value?: throw config.fields.wrong(key, value, "the name of a normalisation")
        }
        if let known = InputNormalisation(rawValue: name) { return (known, 1) }
        guard name == expectedAverage else {
            throw .unsupported(
                adapter: config.adapter, feature: "\(key) '\(name)'",
                advice: "only \((InputNormalisation.allCases.map(\.rawValue) + [expectedAverage]).joined(separator: ", ")) are")
        }
        var factor = 1.0
        for reader in [config, metadata] { factor = try reader.fields.number("norm_scaling_factor") ?? factor }
        guard Float(factor).isNormal, factor > 0 else {
            throw .badFile(
                adapter: config.adapter, file: config.file, problem: "'norm_scaling_factor' is \(factor), wanted a positive number")
        }
        return (.none, Float(factor))
    }

    private static let expectedAverage = "expected_average_only_in"

    /// The first of the keys that is there.
    private static func text(_ keys: [String], in readers: [ConfigReader]) throws(AdapterError) -> String? {
        for reader in readers {
            for key in keys {
                if let text = try reader.fields.string(key) { return text }
            }
        }
        return nil
    }

    private static func hookpoint(
        _ config: ConfigReader, _ metadata: ConfigReader, _ architecture: SAELensArchitecture
    ) throws(AdapterError) -> HookPoint {
        func name(_ keys: String...) throws(AdapterError) -> String {
            if let name = try text(keys, in: [metadata, config]) { return name }
            throw .badFile(adapter: config.adapter, file: config.file, problem: "'\(keys[0])' is missing: nothing says where it hooks in")
        }
        let input = try name("hook_name", "hook_point")
        let output = architecture.isTranscoder ? try name("hook_name_out") : input
        guard let hookpoint = HookPoint(transformerLens: output) else {
            throw .unsupported(
                adapter: config.adapter, feature: "hook '\(output)'",
                advice: "only blocks.L.hook_resid_post, blocks.L.hook_resid_pre (not of block 0) and blocks.L.hook_mlp_out are")
        }
        guard architecture.isTranscoder else { return hookpoint }
        guard hookpoint.site == .mlp, HookPoint.mlpInputLayer(transformerLens: input) == hookpoint.layer else {
            throw .unsupported(
                adapter: config.adapter, feature: "a transcoder from '\(input)' to '\(output)'",
                advice: "only those from an MLP's input (hook_mlp_in, mlp.hook_in, ln2.hook_normalized) to the same MLP's hook_mlp_out are")
        }
        return hookpoint
    }
}

/// The architectures of SAELens that are read, by its own names.
enum SAELensArchitecture: String, CaseIterable, Sendable {
    case standard, topk, jumprelu
    /// Trained with one top-k over a batch, and saved with the threshold that came out of it: a jumprelu.
    case batchtopk
    case gated
    case transcoder
    case skipTranscoder = "skip_transcoder"
    case jumpreluTranscoder = "jumprelu_transcoder"
    case jumpreluSkipTranscoder = "jumprelu_skip_transcoder"

    var isTranscoder: Bool {
        switch self {
        case .standard, .topk, .jumprelu, .batchtopk, .gated: false
        case .transcoder, .skipTranscoder, .jumpreluTranscoder, .jumpreluSkipTranscoder: true
        }
    }

    /// Whether `W_skip` times the input is added to the output.
    var skips: Bool { self == .skipTranscoder || self == .jumpreluSkipTranscoder }

    var activation: SparseAutoencoder.Activation {
        switch self {
        case .standard, .transcoder, .skipTranscoder: .relu
        case .topk: .topk
        case .jumprelu, .batchtopk, .jumpreluTranscoder, .jumpreluSkipTranscoder: .jumprelu
        case .gated: .gated
        }
    }
}
