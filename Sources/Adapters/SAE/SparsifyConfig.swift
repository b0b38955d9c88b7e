import Foundation

/// The `cfg.json` of a sparsify (EleutherAI) sparse coder, of any version. Keys that only matter while training are passed over; any other that is
/// set and not followed is refused.
struct SparsifyConfig {
    static let file = "cfg.json"

    let activation: SparseAutoencoder.Activation
    /// d_in
    let width: Int
    /// M: `num_latents`, or `d_in * expansion_factor` when that is 0.
    let latents: Int
    let k: Int
    let transcode: Bool
    let skip: Bool

    /// Far above any SAE there is, and low enough that no product below overflows.
    static let widthLimit = 1 << 20
    static let latentLimit = 1 << 26

    init(folder: URL, adapter: String, shownAs: String) throws(AdapterError) {
        let config = try ConfigReader(folder: folder, file: Self.file, adapter: adapter, shownAs: shownAs)
        func bad(_ problem: String) -> AdapterError { .badFile(adapter: adapter, file: shownAs, problem: problem) }
        try Self.refuseUnsupported(config)

        let name = try config.fields.string("activation") ?? SparseAutoencoder.Activation.topk.rawValue
        guard let activation = SparseAutoencoder.Activation(rawValue: name), activation.hasFixedCount else {
            throw .unsupported(adapter: adapter, feature: "activation '\(name)'", advice: "only topk and groupmax are")
        }
        self.activation = activation
        guard let width = try config.fields.int("d_in", in: 1...Self.widthLimit) else { throw bad("'d_in' is missing") }
        self.width = width
        let expansion = try config.fields.int("expansion_factor", in: 0...Self.latentLimit) ?? 32
        let given = try config.fields.int("num_latents", in: 0...Self.latentLimit) ?? 0
        latents = given > 0 ? given : width * expansion
        guard (1...Self.latentLimit).contains(latents) else {
            throw bad("'d_in' \(width) times 'expansion_factor' \(expansion) gives \(latents) latents, wanted 1 to \(Self.latentLimit)")
        }
        k = try config.fields.int("k", in: 1...Self.latentLimit) ?? 32
        guard k <= latents else { throw bad("'k' is \(k), more than the \(latents) latents") }
        guard activation != .groupmax || latents % k == 0 else {
            throw bad("\(latents) latents do not divide into the \(k) groups of 'groupmax'")
        }
        transcode = try config.fields.bool("transcode") ?? false
        skip = try config.fields.bool("skip_connection") ?? false
    }

    private static func refuseUnsupported(_ config: ConfigReader) throws(AdapterError) {
        if try config.fields.bool("signed") == true {
            throw .unsupported(
                adapter: config.adapter, feature: "'signed' (latents chosen by their size, whatever their sign)",
                advice: "only latents that are positive are")
        }
        try config.refuseUnknown(followed.union(harmless))
    }

    private static let followed: Set = [
        "activation", "d_in", "expansion_factor", "num_latents", "k", "transcode", "skip_connection", "signed",
    ]
    /// `normalize_decoder` has been done to what is stored, `multi_topk` is a loss.
    private static let harmless: Set = ["normalize_decoder", "multi_topk"]
}
