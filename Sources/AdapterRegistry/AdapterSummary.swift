import Adapters

/// What the list of adapters says about one.
package struct AdapterSummary: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable { case cold, loading, loaded, pinned, broken = "error" }

    package var name: String
    /// Nil when it is broken before that could be told.
    package var kind: AppliedAdapter.Kind?
    /// `sha256:` and the hash over the sorted hashes and names of its files; nil when it is broken.
    package var digest: String?
    /// An SAE's or a steering vector's, in the order of the forward pass.
    package var hookpoints: [HookPoint]
    /// What each of an SAE's hookpoints holds, in the same order.
    package var dictionaries: [DictionarySummary] = []
    /// A LoRA's largest rank.
    package var rank: Int?
    /// The projections a LoRA changes in some layer, and the layers, ascending.
    package var modules: [ProjectionModule] = []
    package var layers: [Int] = []
    /// An SAE's number of latents (the largest of its hookpoints').
    package var latents: Int?
    /// Size of its files in bytes.
    package var bytes: Int
    package var state: State
    /// What it was made for, as its manifest or config says; never compared with what is served.
    package var baseModel: String?
    package var description: String?
    /// What the manifest says about latents or other parts, by name.
    package var labels: [String: String]
    /// What its latents stand for.
    package var latentLabels = LatentLabels()
    /// Why it cannot be used.
    package var error: String?
    package var usage = AdapterUsage()
}

/// What an SAE holds at one hookpoint.
package struct DictionarySummary: Sendable, Equatable {
    package var hookpoint: HookPoint
    package var latents: Int
    /// Latents selected per token; nil where their number varies.
    package var k: Int?
    package var activation: SparseAutoencoder.Activation
    package var transcode: Bool
    package var skip: Bool
}
